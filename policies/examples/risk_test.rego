package forebay.tests.risk

import data.forebay.rules.risk

test_high_is_denied if count(risk.deny) == 1 with input as {"risk": {"level": "high"}}

test_unknown_is_denied if count(risk.deny) == 1 with input as {}

test_medium_is_audited if {
	risk.obligation == {{"type": "audit", "level": "full"}} with input as {"risk": {"level": "medium"}}
	count(risk.deny) == 0 with input as {"risk": {"level": "medium"}}
}

test_the_level_is_a_label if {
	risk.label == {{"key": "risk", "value": "low"}} with input as {"risk": {"level": "low"}}
}
