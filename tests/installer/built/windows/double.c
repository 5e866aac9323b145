/* Stands in the program's place in an MSI: writes down how it was called, in C:\calls.txt, and fails
   where C:\fails has a file with the names of its first two arguments. As the porter's service it
   runs until Windows stops it, and writes both down, too. */

#include <stdio.h>
#include <wchar.h>
#include <windows.h>

static SERVICE_STATUS_HANDLE service;
static HANDLE ending;

static int write_down(int count, wchar_t **words)
{
    FILE *calls = _wfopen(L"C:\\calls.txt", L"a, ccs=UTF-8");
    if (calls == NULL)
        return 0;
    for (int each = 0; each < count; each++)
        fwprintf(calls, each > 0 ? L" %ls" : L"%ls", words[each]);
    fwprintf(calls, L"\n");
    return fclose(calls) == 0;
}

static void tell(DWORD state)
{
    SERVICE_STATUS status = {SERVICE_WIN32_OWN_PROCESS, state, SERVICE_ACCEPT_STOP, 0, 0, 0, 0};
    SetServiceStatus(service, &status);
}

static DWORD WINAPI heed(DWORD control, DWORD type, void *data, void *context)
{
    if (control == SERVICE_CONTROL_STOP)
        SetEvent(ending);
    return NO_ERROR;
}

static void WINAPI serve(DWORD count, wchar_t **words)
{
    wchar_t *running[] = {L"porter", L"running"}, *stopped[] = {L"porter", L"stopped"};
    ending = CreateEventW(NULL, TRUE, FALSE, NULL);
    service = RegisterServiceCtrlHandlerExW(words[0], heed, NULL);
    tell(SERVICE_RUNNING);
    write_down(2, running);
    WaitForSingleObject(ending, INFINITE);
    write_down(2, stopped);
    tell(SERVICE_STOPPED);
}

int wmain(int count, wchar_t **words)
{
    wchar_t name[512];
    SERVICE_TABLE_ENTRYW services[] = {{L"", serve}, {NULL, NULL}};
    if (!write_down(count - 1, words + 1))
        return 9;
    if (count < 3)
        return 0;
    _snwprintf(name, 511, L"C:\\fails\\%ls %ls", words[1], words[2]);
    name[511] = 0;
    if (GetFileAttributesW(name) != INVALID_FILE_ATTRIBUTES)
        return 1;
    if (wcscmp(words[1], L"porter") == 0)
        return StartServiceCtrlDispatcherW(services) ? 0 : 2;
    return 0;
}
