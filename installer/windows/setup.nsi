; The wizard for Windows; installer/windows/build/installer.py compiles it with
;
;   makensis -DVERSION=… -DSOURCE=… -DMANIFEST=… -DPICTURES=… -DTEXTS=… -DOUT=…
;            -DMEGABYTES=… -DMEGABYTES_NEEDED=… -DKILOBYTES=… -DTARGET=… [-DSIGN=…] setup.nsi
;
; For administrators, who install it for the user who is signed in:
;   /S             without a window and without a question; Windows would ask about the certificate,
;                  so browsers are not told to trust it: run "ankong trust install" as the user
;   /TRUST         tell them all the same; Windows asks its question
;   /NOTRUST       never tell them, also with a window
;   /NOAUTOSTART   no start at sign-in
;   /DOWNGRADE     replace a newer version without asking
;   /REPAIR        where this version is there already: repair it at once, without a first page
;   /USERCOPY      install for this user also where the MSI has installed it for all users
;   /LANGUAGE=TAG  speak this language of agent/words/language.py, as its tag is written there
;   /D=FOLDER      where to; the last one on the line, without quotation marks
; Exit status: 0 installed, 1 the citizen cancelled, 2 not installed, 3 a newer version is there,
; 4 Windows is too old, 5 installed, but "ankong setup complete" has more to do, 6 this version or a
; newer one is installed for all users.
; A policy is C:\ProgramData\Ankong\policy.toml, which may be written before or after.
; uninstall.exe takes /S, which keeps sites and history, /FORGET, which does not, and /GIVEWAY, with
; which the program for all users removes this copy: whatever is not the program stays then.

Unicode true
Target ${TARGET}
SetCompressor /SOLID lzma
SetCompressorDictSize 32
RequestExecutionLevel user
ManifestDPIAware true
ManifestSupportedOS all
AllowSkipFiles off
SetOverwrite on
SetDateSave on

!include MUI2.nsh
!include LogicLib.nsh
!include FileFunc.nsh
!include WinVer.nsh
!include WordFunc.nsh
!include "${TEXTS}/languages.nsh"

!define NAME "Ankong"
!define SHORTCUT "${BOTH_NAMES}.lnk"
!define OWN_KEY "Software\${NAME}"
!define ALL_UNINSTALL_KEYS "Software\Microsoft\Windows\CurrentVersion\Uninstall"
!define UNINSTALL_KEY "${ALL_UNINSTALL_KEYS}\${NAME}"
!define SETTINGS "$LOCALAPPDATA\ankong\config.toml"
!define VERB_KEY "Software\Classes\SystemFileAssociations\.pdf\shell\Ankong.Sign"
!define RUN_KEY "Software\Microsoft\Windows\CurrentVersion\Run"

Name "$(ProductLong)"
OutFile "${OUT}"
InstallDir "$LOCALAPPDATA\Programs\${NAME}"
InstallDirRegKey HKCU "${OWN_KEY}" "InstallDir"
BrandingText "${BOTH_NAMES} ${VERSION}"
FileErrorText "$(FileError)" "$(FileError)"

!ifdef SIGN
  !finalize '${SIGN} "%1"' = 0
  !uninstfinalize '${SIGN} "%1"' = 0
!endif

Var Installed   ; the version that is there; empty where there is none
Var Trust       ; 1 if browsers are to be told about the certificate
Var Autostart   ; what "setup complete" is told
Var Outcome     ; what the last page says
Var Status      ; the exit status
Var Forget      ; what "setup undo" is told
Var GivesWay    ; 1 if the program for all users takes this copy's place
Var UserCopy    ; 1 if this copy was wanted beside the one for all users
Var Swapping    ; 1 while the old version is gone and the new one is not in its place yet
Var Remains     ; what is told about the old version when the installation fails
Var Deed        ; what is done about what is there: "repair", "update"; empty where nothing is
Var AtOnce      ; 1 if it is repaired without a first page
Var Headline    ; title of the last page
Var HadSettings ; 1 if there were settings before

!define MUI_ICON "${PICTURES}/ankong.ico"
!define MUI_UNICON "${PICTURES}/ankong.ico"
!define MUI_HEADERIMAGE
!define MUI_HEADERIMAGE_RIGHT
!define MUI_HEADERIMAGE_BITMAP "${PICTURES}/header.bmp"
!define MUI_HEADERIMAGE_UNBITMAP "${PICTURES}/header.bmp"
!define MUI_WELCOMEFINISHPAGE_BITMAP "${PICTURES}/side.bmp"
!define MUI_ABORTWARNING
!define MUI_CUSTOMFUNCTION_ABORT ForgetNext
!define MUI_CUSTOMFUNCTION_GUIINIT CheckComputer

!define MUI_WELCOMEPAGE_TITLE "$Headline"
!define MUI_WELCOMEPAGE_TEXT "$Outcome"
!define MUI_PAGE_CUSTOMFUNCTION_PRE SkipWelcome
!define MUI_PAGE_CUSTOMFUNCTION_SHOW ShowChoice
!define MUI_PAGE_CUSTOMFUNCTION_LEAVE LeaveChoice
!insertmacro MUI_PAGE_WELCOME

!define MUI_LICENSEPAGE_CHECKBOX
!define MUI_LICENSEPAGE_CHECKBOX_TEXT "$(LicenceAccept)"
!define MUI_LICENSEPAGE_TEXT_BOTTOM "$(LicenceBottom)"
!define MUI_PAGE_CUSTOMFUNCTION_PRE SkipIfRepaired
!insertmacro MUI_PAGE_LICENSE "$(Licence)"

Page custom ShowPlan LeavePlan

!define MUI_INSTFILESPAGE_ABORTHEADER_TEXT "$(NotFinished)"
!define MUI_INSTFILESPAGE_ABORTHEADER_SUBTEXT "$Remains"
!insertmacro MUI_PAGE_INSTFILES

!define MUI_FINISHPAGE_TITLE "$Headline"
!define MUI_FINISHPAGE_TEXT "$Outcome"
!define MUI_FINISHPAGE_TEXT_LARGE
!define MUI_FINISHPAGE_RUN
!define MUI_FINISHPAGE_RUN_TEXT "$(RunNow)"
!define MUI_FINISHPAGE_RUN_FUNCTION StartNow
!define MUI_FINISHPAGE_SHOWREADME ""
!define MUI_FINISHPAGE_SHOWREADME_TEXT "$(StartAtLogin)"
!define MUI_FINISHPAGE_SHOWREADME_FUNCTION Nothing
!define MUI_FINISHPAGE_NOREBOOTSUPPORT
!define MUI_PAGE_CUSTOMFUNCTION_SHOW ShowFinish
!define MUI_PAGE_CUSTOMFUNCTION_LEAVE LeaveFinish
!insertmacro MUI_PAGE_FINISH

UninstPage custom un.ShowRemove un.LeaveRemove
!insertmacro MUI_UNPAGE_INSTFILES

; ID, NSIS's name, tag, primary language of Windows, 1 if reviewed, font, what it is called in lists.
!macro AddLanguage ID NAME TAG PRIMARY REVIEWED FONT LABEL
  !insertmacro MUI_LANGUAGE "${NAME}"
  SetFont /LANG=${LANG_${ID}} "${FONT}" 9
  LicenseLangString Licence ${LANG_${ID}} "${TEXTS}/licence.${TAG}.txt"
!macroend
!insertmacro EachLanguage AddLanguage
!insertmacro MUI_RESERVEFILE_LANGDLL
VIProductVersion "${VERSION}.0"

!include "${TEXTS}/text.nsh"
!include files.nsh
!include checks.nsh
!include own_pages.nsh

; Before the first page.

Function .onInit
  StrCpy $Status 0
  StrCpy $Trust 1
  StrCpy $Autostart ""
  StrCpy $Swapping 0
  Call ChooseLanguage
  Call ReadSwitches
  ${If} ${Silent} ; no window will call it
    Call CheckComputer
  ${EndIf}
FunctionEnd

; End where Ankong cannot be installed now. Not before .onInit has ended: until then the texts are
; in the language that NSIS chose by itself.
Function CheckComputer
  StrCpy $Remains "$(OldRemains)"
  ${IfNot} ${AtLeastWin10}
    MessageBox MB_OK|MB_ICONSTOP "$(NeedsWindows10)" /SD IDOK
    SetErrorLevel 4
    Quit
  ${EndIf}
  Call GiveWay
  Call HoldLock
  Call FindInstalled
  Call AskDowngrade
  StrCpy $Headline "$(WelcomeTitle)"
  StrCpy $Outcome "$(WelcomeText)"
  ${If} $Deed != ""
    StrCpy $Headline "$(AgainTitle)"
    StrCpy $Outcome "$(InstalledText)"
  ${EndIf}
FunctionEnd

; Find out what is there. Where nobody can tell of which version it is, it counts as this one.
Function FindInstalled
  StrCpy $Deed ""
  ReadRegStr $Installed HKCU "${OWN_KEY}" "Version"
  ${If} $Installed == ""
    ${If} ${FileExists} "$INSTDIR\${LIST}"
    ${OrIf} ${FileExists} "$INSTDIR\ankong.exe"
      StrCpy $Installed "${VERSION}"
    ${Else}
      Return
    ${EndIf}
  ${EndIf}
  StrCpy $Deed "update"
  ${If} $Installed == "${VERSION}"
    StrCpy $Deed "repair"
  ${EndIf}
FunctionEnd

!macro ChooseIfNamed ID NAME TAG PRIMARY REVIEWED FONT LABEL
  ${If} $1 == "${TAG}"
    StrCpy $LANGUAGE ${LANG_${ID}}
    Return
  ${EndIf}
!macroend

!macro ChooseIfSpoken ID NAME TAG PRIMARY REVIEWED FONT LABEL
  !if ${REVIEWED} = 1
    ${If} $1 = ${PRIMARY}
      StrCpy $LANGUAGE ${LANG_${ID}}
      Return
    ${EndIf}
  !endif
!macroend

!macro OfferLanguage ID NAME TAG PRIMARY REVIEWED FONT LABEL
  Push ${LANG_${ID}}
  Push "${LABEL}"
!macroend

; Ask for the language only where Windows speaks none of ours that a native speaker has reviewed.
Function ChooseLanguage
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/LANGUAGE=" $1
  ${IfNot} ${Errors}
    !insertmacro EachLanguage ChooseIfNamed
  ${EndIf}
  System::Call 'kernel32::GetUserDefaultUILanguage() i .r0'
  IntOp $1 $0 & 0x3FF ; primary language
  !insertmacro EachLanguage ChooseIfSpoken
  StrCpy $LANGUAGE ${FIRST_LANGUAGE}
  ${If} ${Silent}
    Return
  ${EndIf}
  Push ""
  !insertmacro EachLanguage OfferLanguage
  Push A ; it counts them itself
  LangDLL::LangDialog "${BOTH_NAMES}" "${CHOOSE_LANGUAGE}"
  Pop $0
  ${If} $0 == "cancel"
    Abort
  ${EndIf}
  StrCpy $LANGUAGE $0
FunctionEnd

Function ReadSwitches
  ${GetParameters} $0
  StrCpy $AtOnce 0
  ClearErrors
  ${GetOptions} $0 "/REPAIR" $1
  ${IfNot} ${Errors}
    StrCpy $AtOnce 1
  ${EndIf}
  ClearErrors
  ${GetOptions} $0 "/NOAUTOSTART" $1
  ${IfNot} ${Errors}
    StrCpy $Autostart "--no-autostart"
  ${EndIf}
  ${If} ${Silent}
    StrCpy $Trust 0
    ClearErrors
    ${GetOptions} $0 "/TRUST" $1
    ${IfNot} ${Errors}
      StrCpy $Trust 1
    ${EndIf}
  ${EndIf}
  ClearErrors
  ${GetOptions} $0 "/NOTRUST" $1
  ${IfNot} ${Errors}
    StrCpy $Trust 0
  ${EndIf}
FunctionEnd

Function AskDowngrade
  ${If} $Installed == ""
    Return
  ${EndIf}
  ${VersionCompare} "$Installed" "${VERSION}" $0
  ${If} $0 <> 1
    Return
  ${EndIf}
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/DOWNGRADE" $1
  ${IfNot} ${Errors}
    Return
  ${EndIf}
  MessageBox MB_YESNO|MB_ICONEXCLAMATION|MB_DEFBUTTON2 "$(Downgrade)" /SD IDNO IDYES +3
    SetErrorLevel 3
    Quit
FunctionEnd

; Installing.

; Tell the citizen what goes on; nothing else of the details is for them.
!macro Tell TEXT
  SetDetailsPrint both
  DetailPrint "${TEXT}"
  SetDetailsPrint none
!macroend
!define Tell "!insertmacro Tell"

Section "-program"
  SetDetailsPrint none
  Call RemoveNext
  Call CheckTarget
  ${Tell} "$(Copying)"
  SetOutPath "$INSTDIR\next"
  File "/oname=${LIST}" "${MANIFEST}"
  File /r "${SOURCE}/*"
  SetOutPath "$INSTDIR" ; nobody can remove the folder that a program is in
  Call CloseRunning
  ${Tell} "$(Replacing)"
  StrCpy $Swapping 1
  StrCpy $Remains "$(HalfDone)"
  Call PutInPlace
  WriteUninstaller "$INSTDIR\uninstall.exe"
  CreateShortcut "$SMPROGRAMS\${SHORTCUT}" "$INSTDIR\ankongw.exe" "" "$INSTDIR\ankongw.exe" 0
  ; "Send to" hands over more files at once than the verb that "setup complete" writes
  CreateShortcut "$SENDTO\${SHORTCUT}" "$INSTDIR\ankongw.exe" "sign --window --" "$INSTDIR\ankongw.exe" 0
  Call Register
  StrCpy $Swapping 0
  Call Complete
SectionEnd

Function Register
  WriteRegStr HKCU "${OWN_KEY}" "InstallDir" "$INSTDIR"
  WriteRegStr HKCU "${OWN_KEY}" "Version" "${VERSION}"
  WriteRegStr HKCU "${OWN_KEY}" "Language" "$LANGUAGE"
  ${If} $UserCopy == 1 ; agent/setup/own_copy.py reads it
    WriteRegStr HKCU "${OWN_KEY}" "Kept" "1"
  ${EndIf}
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayName" "${BOTH_NAMES}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "DisplayIcon" "$INSTDIR\ankongw.exe,0"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "Publisher" "${PUBLISHER}"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKCU "${UNINSTALL_KEY}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKCU "${UNINSTALL_KEY}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "EstimatedSize" ${KILOBYTES}
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoModify" 1
  WriteRegDWORD HKCU "${UNINSTALL_KEY}" "NoRepair" 1
FunctionEnd

; What is left to the program itself: its certificate, who trusts it, the start at sign-in.
Function Complete
  StrCpy $Headline "$(FinishTitle)"
  StrCpy $Outcome "$(FinishWell)"
  ${If} $Deed == "repair"
    StrCpy $Headline "$(RepairedTitle)"
    StrCpy $Outcome "$(FinishRepaired)"
  ${EndIf}
  StrCpy $HadSettings 0
  ${If} $Deed != "" ; what is there may be damaged, whatever version it is of
    StrCpy $Autostart "--repair $Autostart"
    ${If} ${FileExists} "${SETTINGS}"
      StrCpy $HadSettings 1
    ${EndIf}
  ${EndIf}
  ${If} $Trust = 1
    ${Tell} "$(SettingUp)"
    StrCpy $1 "--trust"
  ${Else}
    ${Tell} "$(MakingCertificate)"
    StrCpy $1 "--no-trust"
    StrCpy $Outcome "$(FinishUntrusted)"
  ${EndIf}
  nsExec::Exec '"$INSTDIR\ankong.exe" setup complete $1 $Autostart'
  Pop $0 ; a number, or "error" where it could not be started
  ${If} $0 != "0"
    StrCpy $Status 5
    nsExec::Exec '"$INSTDIR\ankong.exe" setup complete --no-trust $Autostart'
    Pop $0
    ${If} $0 == "0"
      StrCpy $Outcome "$(FinishTrust)"
    ${Else}
      StrCpy $Outcome "$(FinishSetup)"
    ${EndIf}
  ${EndIf}
  SetErrorLevel $Status
  ${If} ${Silent}
    ${If} $WasRunning = 1
      Call StartNow
    ${EndIf}
    Return
  ${EndIf}
  ${If} $HadSettings = 1
  ${AndIfNot} ${FileExists} "${SETTINGS}"
    StrCpy $Outcome "$Outcome$\r$\n$\r$\n$(FinishSettings)"
  ${EndIf}
  Call IsPortTaken
  Pop $0
  ${If} $0 = 1
    StrCpy $Outcome "$Outcome$\r$\n$\r$\n$(FinishPort)"
  ${EndIf}
  Call HasCardService
  Pop $0
  ${If} $0 = 0
    StrCpy $Outcome "$Outcome$\r$\n$\r$\n$(FinishCards)"
  ${EndIf}
FunctionEnd

; Called when the citizen leaves the page that says it, or at once in silent mode.
Function .onInstFailed
  SetOutPath "$TEMP"
  ${If} $Swapping <> 1
    Call ForgetNext
  ${EndIf}
  SetErrorLevel 2
FunctionEnd

; Take back what was unpacked, and the folder if there is nothing else in it.
Function ForgetNext
  Call RemoveNext
  RMDir "$INSTDIR"
FunctionEnd

Function StartNow
  SetOutPath "$INSTDIR"
  Exec '"$INSTDIR\ankongw.exe" tray'
FunctionEnd

Function Nothing
FunctionEnd

; Uninstalling.

!macro SpeakIfKept ID NAME TAG PRIMARY REVIEWED FONT LABEL
  ${If} $0 = ${LANG_${ID}}
    StrCpy $LANGUAGE $0
  ${EndIf}
!macroend

Function un.onInit
  ReadRegStr $0 HKCU "${OWN_KEY}" "Language"
  !insertmacro EachLanguage SpeakIfKept
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/FORGET" $1
  ${IfNot} ${Errors}
    StrCpy $Forget "--forget"
  ${EndIf}
  StrCpy $GivesWay 0
  ClearErrors
  ${GetOptions} $0 "/GIVEWAY" $1
  ${IfNot} ${Errors}
    StrCpy $GivesWay 1
  ${EndIf}
  Call un.HoldLock
FunctionEnd

Section "Uninstall"
  SetOutPath "$TEMP"
  ${Tell} "$(Removing)"
  ${If} ${FileExists} "$INSTDIR\ankong.exe"
    ${Do}
      ${If} $GivesWay == 1
        nsExec::Exec '"$INSTDIR\ankong.exe" quit'
      ${Else}
        nsExec::Exec '"$INSTDIR\ankong.exe" setup undo $Forget'
      ${EndIf}
      Pop $0
      ${If} $0 == "0"
        ${ExitDo}
      ${EndIf}
      MessageBox MB_ABORTRETRYIGNORE|MB_ICONEXCLAMATION "$(NotUndone)" /SD IDIGNORE \
        IDRETRY again IDIGNORE go_on
      Abort
      go_on:
      ${ExitDo}
      again:
    ${Loop}
  ${EndIf}
  DeleteRegValue HKCU "${RUN_KEY}" "${NAME}" ; where the program was too broken to do it
  DeleteRegKey HKCU "${VERB_KEY}"
  Delete "$SMPROGRAMS\${SHORTCUT}"
  Delete "$SENDTO\${SHORTCUT}"
  Call un.RemoveNext
  Call un.RemoveProgram
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  RMDir "$LOCALAPPDATA\Programs" ; only if it is empty
  DeleteRegKey HKCU "${UNINSTALL_KEY}"
  DeleteRegKey /ifempty HKCU "${ALL_UNINSTALL_KEYS}"
  DeleteRegKey HKCU "${OWN_KEY}"
  SetDetailsPrint both
SectionEnd
