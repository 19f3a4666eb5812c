# METADATA
# title: Risk
# description: Refuses calls of high risk, has those of medium risk audited in full.
package forebay.rules.risk

deny contains {"code": "RISK_TOO_HIGH", "message": "the call looks too risky", "public": true} if not acceptable

# Allow-shaped: a call whose risk is unknown is refused.
acceptable if input.risk.level in {"low", "medium"}

obligation contains {"type": "audit", "level": "full"} if input.risk.level == "medium"

label contains {"key": "risk", "value": input.risk.level}
