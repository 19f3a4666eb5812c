# METADATA
# title: Tools
# description: Offers the model only the tools on a list; a call that forces another one is refused.
package forebay.rules.tools

drop_tool contains name if {
	some tool in input.tools
	name := tool.name
	not listed(name)
}

deny contains {
	"code": "TOOL_NOT_ALLOWED",
	"message": "this tool is not on the list",
	"public": true,
} if {
	some tool in input.tools
	name := tool.name
	input.tool_choice == name
	not listed(name)
}

listed(name) if {
	some tool in data.examples.tools
	tool == name
}
