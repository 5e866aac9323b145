/* pythonw.exe: as python.exe, without a console. */
#include <stdlib.h>
#include <windows.h>

int Py_Main(int argc, wchar_t **argv);

int WINAPI wWinMain(HINSTANCE self, HINSTANCE before, LPWSTR line, int show)
{
    (void)self, (void)before, (void)line, (void)show;
    return Py_Main(__argc, __wargv);
}
