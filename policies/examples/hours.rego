# METADATA
# title: Business hours
# description: Interns work on weekdays between two hours (UTC). The clock is the input's, so decisions can be replayed.
package forebay.rules.hours

deny contains {
	"code": "OUTSIDE_HOURS",
	"message": sprintf("open on weekdays from %v to %v, UTC", [data.examples.hours.from, data.examples.hours.to]),
	"public": true,
} if {
	"intern" in input.principal.roles
	not open
}

open if {
	input.time.weekday in {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday"}
	input.time.hour >= data.examples.hours.from
	input.time.hour < data.examples.hours.to
}
