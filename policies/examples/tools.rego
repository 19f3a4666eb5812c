# METADATA
# title: Tools
# description: Offers the model only the tools on a list; a call that forces another one is refused.
package forebay.rules.tools

drop_tool contains tool.name if {
	some tool in input.tools
	not listed(tool.name)
}

deny contains {
	"code": "TOOL_NOT_ALLOWED",
	"message": "this tool is not on the list",
	"public": true,
} if {
	some tool in input.tools
	input.tool_choice == tool.name
	not listed(tool.name)
}

listed(name) if {
	some tool in data.examples.tools
	tool == name
}
