/* Starts a program and delivers to it, as Windows does, the console event of a closed window (2), a log-off (5) or a shutdown (6).
 * Arguments: the event and the command line. Prints what the program printed, then how it ended. For tests only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#define PATIENCE_MS 15000
#define TEXT_BYTES (1 << 20)
static char text[TEXT_BYTES];

int main(int count, char **words)
{
    /* Every process has it at the same address; the system starts a thread there for each event. */
    FARPROC routine = GetProcAddress(GetModuleHandleA("kernelbase.dll"), "CtrlRoutine");
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    STARTUPINFOA start = {0};
    PROCESS_INFORMATION process;
    HANDLE ours, theirs;
    DWORD bytes, used = 0, code = 0, wait;

    if (count != 3 || !routine || !CreatePipe(&ours, &theirs, &inherited, 0))
        return 2;
    start.cb = sizeof start;
    start.dwFlags = STARTF_USESTDHANDLES;
    start.hStdOutput = start.hStdError = theirs;
    if (!CreateProcessA(NULL, words[2], NULL, NULL, TRUE, 0, NULL, NULL, &start, &process))
        return 2;
    CloseHandle(theirs);
    while (!strstr(text, "Monitoring ready") && used < TEXT_BYTES - 1
           && ReadFile(ours, text + used, TEXT_BYTES - 1 - used, &bytes, NULL))
        used += bytes;
    CreateRemoteThread(process.hProcess, NULL, 0, (LPTHREAD_START_ROUTINE)(void *)routine,
                       (void *)(SIZE_T)atoi(words[1]), 0, NULL);
    wait = WaitForSingleObject(process.hProcess, PATIENCE_MS);
    GetExitCodeProcess(process.hProcess, &code);
    if (wait != WAIT_OBJECT_0)
        TerminateProcess(process.hProcess, 1);
    while (used < TEXT_BYTES - 1 && ReadFile(ours, text + used, TEXT_BYTES - 1 - used, &bytes, NULL))
        used += bytes;
    printf("%s\nevent %s: %s, exit code %lu\n", text, words[1], wait == WAIT_OBJECT_0 ? "ended" : "went on", code);
    return 0;
}
