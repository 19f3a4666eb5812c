# METADATA
# title: The decision of Forebay's policies
# description: Unions what the packages `forebay.rules.<name>` contribute; nobody needs to edit this file.
package forebay.main

# METADATA
# entrypoint: true
decision := {
	"version": "v1",
	"allow": count(_reasons) == 0,
	"reasons": _reasons,
	"mutations": object.union({"redact": _all("redact"), "drop_tools": _all("drop_tool")}, _max_tokens),
	"route": object.union({"require": _all("require")}, _pin),
	"obligations": _all("obligation"),
	"warnings": _all("warn"),
	"labels": _labels,
	"faults": _faults,
}

# Every rule package, evaluated once.
_packages := {name: rules | some name, rules in data.forebay.rules}

_contributions := {"deny", "redact", "drop_tool", "cap", "require", "pin", "obligation", "warn", "label"}

# (Not one comprehension: Forebay's evaluator loses a parameter that is an index inside of one.)
_all(contribution) := items if {
	key := contribution
	items := {item | some item in _packages[_][key]}
}

_reasons := _all("deny") | _conflicts

_conflicts contains {"code": "ROUTE_CONFLICT", "message": "rules pin different backends"} if {
	count(_all("pin")) > 1
}

# The smallest cap wins. (Not min(): Forebay's evaluator orders numbers in it as text.)
_max_tokens.max_tokens := cap if {
	caps := _all("cap")
	some cap in caps
	every other in caps {
		cap <= other
	}
}

_pin.pin := backend if {
	pins := _all("pin")
	count(pins) == 1
	some backend in pins
}

_labels[label.key] contains label.value if some label in _all("label")

# A contribution that is no set (`deny if ...` instead of `deny contains ... if ...`) would be overlooked by _all;
# named here it makes the decision unusable, and so the request is refused.
_faults contains sprintf("%s.%s", [name, contribution]) if {
	some name, rules in _packages
	some contribution in _contributions
	is_set(object.get(rules, contribution, set())) == false
}
