"""What a policy may demand the redaction of: a misspelt type must not pass for one that was never found."""

from extproc.detectors.pii_numbers import PII_TYPES
from extproc.detectors.secret_rules import SECRET_RULES

REDACTABLE = frozenset({*PII_TYPES, *(rule.id for rule in SECRET_RULES)})
