# SPDX-License-Identifier: MIT
# cmake -D SOURCE=file -D EDITS=folder -D OUT=file -P mutate.cmake
# Copies a source, with the text of EDITS/0.find replaced by that of EDITS/0.replace, and so on. Each must be there exactly
# once: an edit that no longer fits its source ends the build.

file(READ "${SOURCE}" text)
set(number 0)
while(EXISTS "${EDITS}/${number}.find")
	file(READ "${EDITS}/${number}.find" find)
	file(READ "${EDITS}/${number}.replace" replace)
	string(FIND "${text}" "${find}" first)
	string(FIND "${text}" "${find}" last REVERSE)
	if(first EQUAL -1)
		message(FATAL_ERROR "${EDITS}: the text to change is not in ${SOURCE}:\n${find}")
	elseif(NOT first EQUAL last)
		message(FATAL_ERROR "${EDITS}: the text to change is more than once in ${SOURCE}:\n${find}")
	endif()
	string(REPLACE "${find}" "${replace}" text "${text}")
	math(EXPR number "${number} + 1")
endwhile()
if(number EQUAL 0)
	message(FATAL_ERROR "${EDITS}: nothing to change")
endif()
# The compiler's messages and a trace name the lines of the source as it was edited.
file(WRITE "${OUT}" "${text}")
