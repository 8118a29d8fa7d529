# SPDX-License-Identifier: MIT
# What programs include before project(): finds the SDK, which chooses the compiler.
if(NOT PICO_SDK_PATH)
	if(NOT DEFINED ENV{PICO_SDK_PATH})
		message(FATAL_ERROR "PICO_SDK_PATH: where is the Pico SDK?")
	endif()
	set(PICO_SDK_PATH $ENV{PICO_SDK_PATH})
endif()
include(${PICO_SDK_PATH}/pico_sdk_init.cmake)
