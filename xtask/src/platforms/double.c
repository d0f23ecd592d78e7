/* Starts a program as a double-click does: in a console of its own, with no words behind it. Waits for a file that tells that it
 * is up, or so many ms where it should wait for a person; then closes its window. For tests only.
 * Arguments: ms at most, the file, the program. Prints whether it ran, and how it ended. */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#define STEP_MS 100
#define PATIENCE_MS 15000

int main(int count, char **words)
{
    /* Every process has it at the same address; the system starts a thread there for each event. */
    FARPROC routine = GetProcAddress(GetModuleHandleA("kernelbase.dll"), "CtrlRoutine");
    STARTUPINFOA start = {0};
    PROCESS_INFORMATION process;
    DWORD code = 0, wait = WAIT_TIMEOUT;
    int left;

    if (count != 4 || !routine)
        return 2;
    start.cb = sizeof start;
    if (!CreateProcessA(NULL, words[3], NULL, NULL, FALSE, CREATE_NEW_CONSOLE, NULL, NULL, &start, &process))
        return 2;
    for (left = atoi(words[1]); left > 0 && wait == WAIT_TIMEOUT; left -= STEP_MS) {
        if (GetFileAttributesA(words[2]) != INVALID_FILE_ATTRIBUTES)
            break;
        wait = WaitForSingleObject(process.hProcess, STEP_MS);
    }
    GetExitCodeProcess(process.hProcess, &code);
    if (wait == WAIT_OBJECT_0) {
        printf("it ended by itself, exit code %lu\n", code);
        return 0;
    }
    CreateRemoteThread(process.hProcess, NULL, 0, (LPTHREAD_START_ROUTINE)(void *)routine, (void *)CTRL_CLOSE_EVENT, 0, NULL);
    wait = WaitForSingleObject(process.hProcess, PATIENCE_MS);
    GetExitCodeProcess(process.hProcess, &code);
    if (wait != WAIT_OBJECT_0)
        TerminateProcess(process.hProcess, 1);
    printf("it ran; window closed: %s, exit code %lu\n", wait == WAIT_OBJECT_0 ? "ended" : "went on", code);
    return 0;
}
