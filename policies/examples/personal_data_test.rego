package forebay.tests.personal_data

import data.forebay.rules.personal_data

found(classes) := {"findings": {"pii": [{"class": class, "count": 1} | some class in classes]}}

test_a_strict_class_stays_in_the_house if {
	personal_data.require == {{"attr": "provider", "in": ["local"]}} with input as found(["IBAN_CODE"])
}

test_a_strict_class_is_not_redacted if personal_data.redact == set() with input as found(["IBAN_CODE"])

test_others_are_redacted if {
	personal_data.redact == {"EMAIL_ADDRESS"} with input as found(["EMAIL_ADDRESS", "US_SSN"])
}

test_findings_forbid_the_cache if personal_data.obligation == {{"type": "no_cache"}} with input as found(["PERSON"])

test_nothing_found_asks_for_nothing if {
	personal_data.obligation == set() with input as found([])
	personal_data.require == set() with input as found([])
}
