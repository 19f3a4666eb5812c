package forebay.tests.hours

import data.forebay.rules.hours

at(weekday, hour) := {"principal": {"roles": ["intern"]}, "time": {"weekday": weekday, "hour": hour}}

test_open_on_a_weekday if count(hours.deny) == 0 with input as at("Monday", 7)

test_closed_before_and_after if {
	count(hours.deny) == 1 with input as at("Monday", 6)
	count(hours.deny) == 1 with input as at("Monday", 19)
}

test_closed_at_the_weekend if count(hours.deny) == 1 with input as at("Sunday", 12)

test_closed_when_nobody_knows_the_time if count(hours.deny) == 1 with input as {"principal": {"roles": ["intern"]}}

test_others_are_not_asked if count(hours.deny) == 0 with input as {"principal": {"roles": ["analyst"]}}
