/* SPDX-License-Identifier: MIT */
/* Suspending the scheduler, as FreeRTOS publishes it. It nests; on several cores only one suspends at a time. */
#ifndef INC_TASK_H
#define INC_TASK_H

#ifndef INC_FREERTOS_H
#error "include FreeRTOS.h must appear in source files before include task.h"
#endif

void vTaskSuspendAll(void);
BaseType_t xTaskResumeAll(void);

#endif
