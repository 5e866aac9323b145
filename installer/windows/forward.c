/* python3.dll, in which every name is forwarded to pythonXY.dll; there is nothing else in it. */
int __stdcall DllMainCRTStartup(void *module, unsigned long reason, void *reserved)
{
    (void)module, (void)reason, (void)reserved;
    return 1;
}
