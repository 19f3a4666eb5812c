package forebay.tests.max_tokens

import data.forebay.main
import data.forebay.rules.max_tokens

test_people_get_the_default if max_tokens.cap == {4096} with input as {"principal": {"auth": "jwt"}}

test_the_smallest_cap_wins if {
	main.decision.mutations.max_tokens == 1024 with input as {
		"principal": {"auth": "key", "roles": []},
		"risk": {"level": "low"},
	}
}

test_asking_for_more_is_warned_about if {
	max_tokens.warn == {"MAX_TOKENS_LOWERED"} with input as {"params": {"max_tokens": 5000}}
}

test_asking_for_less_is_not if max_tokens.warn == set() with input as {"params": {"max_tokens": 500}}
