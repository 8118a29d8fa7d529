# SPDX-License-Identifier: MIT
# Mutants: core with one mistake each. The explorer must catch every one.
#
# ex_mutant(NAME FILE file FIND text REPLACE text [UNITS file...] [VARIANT c11] [OPTIONS word...])
# FILE is edited; UNITS are the sources that include it, if it is a header. OPTIONS are the explorer's, to say
# where to look: else it looks everywhere.

function(ex_mutant name)
	cmake_parse_arguments(PARSE_ARGV 1 arg "" "FILE;FIND;REPLACE;VARIANT" "UNITS;OPTIONS")
	if(arg_UNPARSED_ARGUMENTS OR NOT arg_FILE)
		message(FATAL_ERROR "ex_mutant(${name}): what is '${arg_UNPARSED_ARGUMENTS}'?")
	endif()
	if(NOT arg_VARIANT)
		set(arg_VARIANT c11)
	endif()
	set(folder ${CMAKE_CURRENT_BINARY_DIR}/mutants/${name})
	ex_edit(${folder} ${arg_FILE} "${arg_FIND}" "${arg_REPLACE}")
	if(arg_FILE MATCHES "\\.c$")
		set(arg_UNITS ${folder}/${arg_FILE})
	else()
		list(TRANSFORM arg_UNITS PREPEND ${nh_root}/)
	endif()
	set(program mutant_${name})
	add_executable(${program} ${arg_UNITS} ${folder}/${arg_FILE} $<TARGET_OBJECTS:ex_engine_${arg_VARIANT}>)
	ex_settle(${program} ${folder})
	get_target_property(definitions ex_core_${arg_VARIANT} COMPILE_DEFINITIONS)
	target_compile_definitions(${program} PRIVATE ${definitions})
	target_compile_options(${program} PRIVATE ${ex_flags})
	# An object that is there already leaves the archive's out.
	target_link_libraries(${program} PRIVATE ex_core_${arg_VARIANT})
	ex_link(${program})
	add_dependencies(explorers ${program})
	add_test(NAME mutant-${name} COMMAND ${program} --hunt ${arg_OPTIONS})
	set_tests_properties(mutant-${name} PROPERTIES LABELS "explorer;mutant" TIMEOUT 120)
endfunction()

# ---- the gate -----------------------------------------------------------------------------

ex_mutant(gate-busy-release
          FILE arch/c11.h
          FIND "atomic_store_explicit(busy, count + 1u, memory_order_seq_cst);"
          REPLACE "atomic_store_explicit(busy, count + 1u, memory_order_release);"
          UNITS core/allocate.c core/heap.c)
ex_mutant(gate-owner-acquire
          FILE arch/c11.h
          FIND "atomic_load_explicit(seized, memory_order_seq_cst)"
          REPLACE "atomic_load_explicit(seized, memory_order_acquire)"
          UNITS core/allocate.c core/heap.c)
ex_mutant(gate-seize-release
          FILE arch/gate_pair.h
          FIND "atomic_store_explicit(seized, 1u, memory_order_seq_cst);"
          REPLACE "atomic_store_explicit(seized, 1u, memory_order_release);"
          UNITS core/reclaim.c)
ex_mutant(gate-quiet-acquire
          FILE arch/gate_pair.h
          FIND "return (atomic_load_explicit(busy, memory_order_seq_cst) & 1u) == 0;"
          REPLACE "return (atomic_load_explicit(busy, memory_order_acquire) & 1u) == 0;"
          UNITS core/reclaim.c)
ex_mutant(gate-quiet-relaxed
          FILE arch/gate_pair.h
          FIND "return (atomic_load_explicit(busy, memory_order_seq_cst) & 1u) == 0;"
          REPLACE "return (atomic_load_explicit(busy, memory_order_relaxed) & 1u) == 0;"
          UNITS core/reclaim.c)
ex_mutant(gate-leave-relaxed
          FILE arch/gate_pair.h
          FIND "atomic_store_explicit(busy, count + 1u, memory_order_release);"
          REPLACE "atomic_store_explicit(busy, count + 1u, memory_order_relaxed);"
          UNITS core/allocate.c core/heap.c)
ex_mutant(gate-open-relaxed
          FILE arch/gate_pair.h
          FIND "atomic_store_explicit(seized, NH_PORT_GATE_OPEN, memory_order_release);"
          REPLACE "atomic_store_explicit(seized, NH_PORT_GATE_OPEN, memory_order_relaxed);"
          UNITS core/reclaim.c)
