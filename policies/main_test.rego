package forebay.tests.main

import data.forebay.main

test_no_rules_allow_everything if {
	main.decision.allow with data.forebay.rules as {}
	main.decision.mutations == {"redact": set(), "drop_tools": set()} with data.forebay.rules as {}
}

test_one_denial_denies if {
	main.decision.allow == false with data.forebay.rules as {"a": {"deny": {{"code": "NO"}}}, "b": {"deny": set()}}
}

test_the_smallest_cap_wins_as_a_number if {
	main.decision.mutations.max_tokens == 50 with data.forebay.rules as {"a": {"cap": {100, 50}}, "b": {"cap": {70}}}
}

test_one_pin_is_a_pin if {
	main.decision.route.pin == "p/m" with data.forebay.rules as {"a": {"pin": {"p/m"}}, "b": {"pin": {"p/m"}}}
}

test_two_pins_deny if {
	rules := {"a": {"pin": {"p/m"}}, "b": {"pin": {"p/n"}}}
	{reason.code | some reason in main.decision.reasons} == {"ROUTE_CONFLICT"} with data.forebay.rules as rules
}

test_a_contribution_that_is_no_set_is_a_fault if {
	main.decision.faults == {"a.deny"} with data.forebay.rules as {"a": {"deny": true}}
	main.decision.faults == {"a.deny"} with data.forebay.rules as {"a": {"deny": false}}
}
