# METADATA
# title: Personal data
# description: Some classes stay in the house, so only its own providers may serve the call; the others are redacted.
package forebay.rules.personal_data

found contains finding.class if some finding in input.findings.pii

strict contains class if {
	some class in data.examples.pii.onprem_only
	class in found
}

require contains {"attr": "provider", "in": data.examples.pii.onprem_providers} if count(strict) > 0

redact contains class if some class in (found - strict)

obligation contains {"type": "no_cache"} if count(found) > 0
