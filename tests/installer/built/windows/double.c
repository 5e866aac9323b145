/* Stands in the program's place in an MSI: writes down how it was called, in C:\calls.txt, and fails
   where C:\fails has a file with the names of its first two arguments. */

#include <stdio.h>
#include <wchar.h>
#include <windows.h>

int wmain(int count, wchar_t **words)
{
    wchar_t name[512];
    FILE *calls = _wfopen(L"C:\\calls.txt", L"a, ccs=UTF-8");
    if (calls == NULL)
        return 9;
    for (int each = 1; each < count; each++)
        fwprintf(calls, each > 1 ? L" %ls" : L"%ls", words[each]);
    fwprintf(calls, L"\n");
    fclose(calls);
    if (count < 3)
        return 0;
    _snwprintf(name, 511, L"C:\\fails\\%ls %ls", words[1], words[2]);
    name[511] = 0;
    return GetFileAttributesW(name) == INVALID_FILE_ATTRIBUTES ? 0 : 1;
}
