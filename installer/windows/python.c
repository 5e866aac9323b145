/* python.exe for the Python that is assembled on Linux: all of it is in pythonXY.dll. */
#include <wchar.h>

int Py_Main(int argc, wchar_t **argv);

int wmain(int argc, wchar_t **argv)
{
    return Py_Main(argc, argv);
}
