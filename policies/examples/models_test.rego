package forebay.tests.models

import data.forebay.rules.models

call(roles, model) := {"principal": {"auth": "jwt", "roles": roles}, "model": {"requested": model}}

codes(document) := denied if {
	denied := {reason.code | some reason in models.deny} with input as document
}

test_a_listed_model_is_allowed if codes(call(["intern"], "fast")) == set()

test_any_role_is_enough if codes(call(["intern", "analyst"], "smart")) == set()

test_an_unlisted_model_is_denied if codes(call(["intern"], "smart")) == {"MODEL_NOT_ALLOWED"}

test_no_role_is_denied if codes(call([], "fast")) == {"MODEL_NOT_ALLOWED"}

test_missing_roles_are_denied if {
	codes({"principal": {"auth": "jwt"}, "model": {"requested": "fast"}}) == {"MODEL_NOT_ALLOWED"}
}

test_an_api_key_is_not_asked_for_roles if {
	count(models.deny) == 0 with input as {"principal": {"auth": "key", "roles": []}, "model": {"requested": "smart"}}
}
