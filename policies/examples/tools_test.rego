package forebay.tests.tools

import data.forebay.rules.tools

test_unlisted_tools_are_dropped if {
	tools.drop_tool == {"shell"} with input as {"tools": [{"name": "search"}, {"name": "shell"}]}
}

test_nothing_is_dropped_without_tools if tools.drop_tool == set() with input as {}

test_forcing_an_unlisted_tool_is_denied if {
	count(tools.deny) == 1 with input as {"tools": [{"name": "shell"}], "tool_choice": "shell"}
}

test_forcing_a_listed_tool_is_allowed if {
	count(tools.deny) == 0 with input as {"tools": [{"name": "search"}], "tool_choice": "search"}
}
