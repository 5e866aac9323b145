; What is found out about this computer, and what is done about a running agent.

!define MUTEX "Local\AnkongRunning"
!define HIPKI_PORT 61161

Var Lock ; handle of a mutex, held while a wizard installs, repairs or removes

; End where another wizard is open: one at a time. The lock ends with its process.
!macro HoldLock un
Function ${un}HoldLock
  System::Call 'kernel32::CreateMutexW(p 0, i 0, w "Local\AnkongSetup") p .r1 ?e'
  Pop $0
  StrCpy $Lock $1
  ${If} $0 = 183 ; ERROR_ALREADY_EXISTS
    MessageBox MB_OK|MB_ICONEXCLAMATION "$(SetupIsOpen)" /SD IDOK
    SetErrorLevel 2
    Quit
  ${EndIf}
FunctionEnd
!macroend
!insertmacro HoldLock ""
!insertmacro HoldLock "un."

; End where the MSI (msi.toml) has installed this version or a newer one for all users: two copies
; would only get into each other's way.
Function GiveWay
  StrCpy $UserCopy 0
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/USERCOPY" $1
  ${IfNot} ${Errors}
    StrCpy $UserCopy 1
    Return
  ${EndIf}
  SetRegView 64 ; where the MSI writes, whatever this program itself is
  ReadRegStr $Installed HKLM "${OWN_KEY}" "Version"
  SetRegView default
  ${If} $Installed == ""
    Return
  ${EndIf}
  ${VersionCompare} "$Installed" "${VERSION}" $0
  ${If} $0 = 2 ; it is older
    Return
  ${EndIf}
  MessageBox MB_OK|MB_ICONINFORMATION "$(ForAllUsers)" /SD IDOK
  SetErrorLevel 6
  Quit
FunctionEnd

; Push 1 if an agent of this session runs, else 0. It holds the mutex until its process has ended.
!macro IsRunning un
Function ${un}IsRunning
  System::Call 'kernel32::OpenMutexW(i 0x100000, i 0, w "${MUTEX}") p .r0'
  ${If} $0 P<> 0
    System::Call 'kernel32::CloseHandle(p r0)'
    Push 1
  ${Else}
    Push 0
  ${EndIf}
FunctionEnd
!macroend
!insertmacro IsRunning ""

Var WasRunning

; Have a running agent end, by the new program, which is unpacked but not in its place yet.
Function CloseRunning
  Call IsRunning
  Pop $WasRunning
  ${If} $WasRunning = 0
    Return
  ${EndIf}
  SetDetailsPrint both
  DetailPrint "$(Closing)"
  SetDetailsPrint none
  ${Do}
    nsExec::Exec '"$INSTDIR\next\ankong.exe" quit'
    Pop $0
    StrCpy $1 0
    ${Do}
      Call IsRunning
      Pop $0
      ${If} $0 = 0
        Return
      ${EndIf}
      Sleep 250
      IntOp $1 $1 + 1
    ${LoopUntil} $1 > 40
    StrCpy $Problem "$(StillRunning)"
    MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$Problem" /SD IDCANCEL IDRETRY +2
      Abort
  ${Loop}
FunctionEnd

; Push 1 if another program listens on the older protocol's port, else 0. No agent of ours runs now.
Function IsPortTaken
  StrCpy $3 0
  System::Call '*(&i512) p .r0'
  System::Call 'ws2_32::WSAStartup(i 0x202, p r0) i .r1'
  System::Free $0
  ${If} $1 = 0
    System::Call 'ws2_32::socket(i 2, i 1, i 6) p .r0'
    ; SO_EXCLUSIVEADDRUSE (winsock2.h), as the agent has it
    System::Call 'ws2_32::setsockopt(p r0, i 0xffff, i -5, *i 1, i 4)'
    System::Call 'ws2_32::htons(i ${HIPKI_PORT}) i .r1'
    System::Call '*(&i2 2, &i2 r1, &i4 0x0100007F, &i8 0) p .r2' ; sockaddr_in: 127.0.0.1
    System::Call 'ws2_32::bind(p r0, p r2, i 16) i .r3'
    System::Free $2
    System::Call 'ws2_32::closesocket(p r0)'
    System::Call 'ws2_32::WSACleanup()'
  ${EndIf}
  ${If} $3 = 0
    Push 0
  ${Else}
    Push 1
  ${EndIf}
FunctionEnd

; Push 1 if the smart-card service answers, else 0. Windows starts it with the first reader.
Function HasCardService
  System::Call 'winscard::SCardEstablishContext(i 0, p 0, p 0, *p .r1) i .r0'
  ${If} $0 = 0
    System::Call 'winscard::SCardReleaseContext(p r1)'
    Push 1
  ${Else}
    Push 0
  ${EndIf}
FunctionEnd
