# METADATA
# title: Models by role
# description: A caller with a JWT may use the models that one of its roles is listed for.
package forebay.rules.models

deny contains {
	"code": "MODEL_NOT_ALLOWED",
	"message": sprintf("none of your roles may use %s", [input.model.requested]),
	"public": true,
} if {
	input.principal.auth == "jwt"
	not allowed
}

# Allow-shaped: whatever is missing from the input or the data, the answer is no.
allowed if {
	some role in input.principal.roles
	input.model.requested in data.examples.models_by_role[role]
}
