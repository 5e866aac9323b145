; The program's files: what is ours is known by name from a list, and nothing else is touched.
;
; A list has one entry a line: "d" a folder to make, "f" a file, "r" a folder to remove if it is
; empty by then; paths are relative. The new version is unpacked beside the old one, into "next",
; and takes its place only when all of it is there. Whatever step is interrupted, the next run finds
; lists of everything that may be lying about.

!define LIST "manifest.txt"
!define OLD_LIST "manifest.old"

Var Problem ; what went wrong, in the citizen's language
Var Stuck   ; a file that another program uses
Var Needed  ; megabytes
Var Free    ; megabytes

!macro FileFunctions un
; $0: a list; $1: the folder that it is about. Removes what the list names; $Stuck is what stays.
Function ${un}RemoveListed
  ClearErrors
  FileOpen $2 "$0" r
  ${If} ${Errors}
    Return
  ${EndIf}
  ${Do}
    ClearErrors
    FileRead $2 $3
    ${If} ${Errors}
      ${ExitDo}
    ${EndIf}
    StrCpy $4 $3 1
    StrCpy $3 $3 -2 1
    ${If} $4 == "f"
      Delete "$1\$3"
      ${If} ${FileExists} "$1\$3"
        StrCpy $Stuck "$1\$3"
      ${EndIf}
    ${ElseIf} $4 == "r"
      RMDir "$1\$3"
    ${EndIf}
  ${Loop}
  FileClose $2
FunctionEnd

; Remove what an interrupted installation has left beside the program.
Function ${un}RemoveNext
  StrCpy $1 "$INSTDIR\next"
  StrCpy $0 "$INSTDIR\${LIST}"
  Call ${un}RemoveListed
  StrCpy $0 "$INSTDIR\next\${LIST}"
  Call ${un}RemoveListed
  Delete "$INSTDIR\next\${LIST}"
  RMDir "$INSTDIR\next"
FunctionEnd

; Remove the program's files, of one version or of two when an upgrade was interrupted.
Function ${un}RemoveProgram
  StrCpy $Stuck ""
  StrCpy $1 "$INSTDIR"
  StrCpy $0 "$INSTDIR\${OLD_LIST}"
  Call ${un}RemoveListed
  ${If} $Stuck == ""
    Delete "$INSTDIR\${OLD_LIST}"
  ${EndIf}
  StrCpy $0 "$INSTDIR\${LIST}"
  Call ${un}RemoveListed
  ${If} $Stuck == ""
    Delete "$INSTDIR\${LIST}"
  ${EndIf}
FunctionEnd
!macroend
!insertmacro FileFunctions ""
!insertmacro FileFunctions "un."

; See that the folder can be written and that there is room, before anything is changed.
Function CheckTarget
  ${Do}
    StrCpy $Problem ""
    Call ProbeFolder
    ${If} $Problem == ""
      Call ProbeSpace
    ${EndIf}
    ${If} $Problem == ""
      Return
    ${EndIf}
    MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$Problem" /SD IDCANCEL IDRETRY +2
      Abort
  ${Loop}
FunctionEnd

Function ProbeFolder
  ClearErrors
  CreateDirectory "$INSTDIR\next"
  FileOpen $0 "$INSTDIR\next\probe" w
  ${If} ${Errors}
    StrCpy $Problem "$(CannotWrite)"
    RMDir "$INSTDIR\next"
    Return
  ${EndIf}
  FileClose $0
  Delete "$INSTDIR\next\probe"
FunctionEnd

Function ProbeSpace
  System::Call 'kernel32::GetDiskFreeSpaceExW(w "$INSTDIR", *l .r0, p 0, p 0) i .r1'
  ${If} $1 = 0
    Return ; a drive that does not tell
  ${EndIf}
  System::Int64Op $0 / 1048576
  Pop $Free
  StrCpy $Needed ${MEGABYTES_NEEDED}
  ; As the old files stay until the new ones are there, nothing is taken off for them.
  System::Int64Op $Free < $Needed
  Pop $0
  ${If} $0 <> 0
    StrCpy $Problem "$(NoSpace)"
  ${EndIf}
FunctionEnd

; Take the old version away and put the new one in its place.
Function PutInPlace
  ${Do}
    Call RemoveProgram
    ${If} $Stuck == ""
      ${ExitDo}
    ${EndIf}
    StrCpy $Problem "$(InUse)"
    MessageBox MB_RETRYCANCEL|MB_ICONEXCLAMATION "$Problem" /SD IDCANCEL IDRETRY +2
      Abort
  ${Loop}
  ; First the list: what is moved from now on is found by it.
  CopyFiles /SILENT "$INSTDIR\next\${LIST}" "$INSTDIR\${LIST}"
  ClearErrors
  FileOpen $2 "$INSTDIR\next\${LIST}" r
  ${Do}
    FileRead $2 $3
    ${If} ${Errors}
      ${ExitDo}
    ${EndIf}
    StrCpy $4 $3 1
    StrCpy $3 $3 -2 1
    ${If} $4 == "d"
      CreateDirectory "$INSTDIR\$3"
    ${ElseIf} $4 == "f"
      Delete "$INSTDIR\$3"
      Rename "$INSTDIR\next\$3" "$INSTDIR\$3"
      ${If} ${Errors}
        StrCpy $Stuck "$INSTDIR\$3"
        ${ExitDo}
      ${EndIf}
    ${EndIf}
    ClearErrors
  ${Loop}
  FileClose $2
  ${If} $Stuck != ""
    StrCpy $Problem "$(InUse)"
    Abort
  ${EndIf}
  Call RemoveNext
FunctionEnd
