; The pages that NSIS does not have.

Var Row ; dialog units from the top

; One thing that is added: a mark, and up to HEIGHT units of text.
!macro PlanRow TEXT HEIGHT
  ${NSD_CreateLabel} 0 $Rowu 10u 9u "•"
  Pop $0
  ${NSD_CreateLabel} 10u $Rowu 290u ${HEIGHT}u "${TEXT}"
  Pop $0
  IntOp $Row $Row + ${HEIGHT}
  IntOp $Row $Row + 3
!macroend

; Put a control of a page elsewhere; dialog units.
!macro Place CONTROL LEFT TOP WIDTH HEIGHT
  System::Call '*(i ${LEFT}, i ${TOP}, i ${WIDTH}, i ${HEIGHT}) p .r0'
  System::Call 'user32::MapDialogRect(p $HWNDPARENT, p r0)'
  System::Call '*$0(i .r1, i .r2, i .r3, i .r4)'
  System::Free $0
  System::Call 'user32::SetWindowPos(p ${CONTROL}, p 0, i r1, i r2, i r3, i r4, i 4)'
!macroend

Var First  ; the upper choice of the first page
Var Second ; the lower one

Function SkipWelcome
  ${If} $AtOnce = 1
  ${AndIf} $Deed == "repair"
    Abort
  ${EndIf}
FunctionEnd

Function SkipIfRepaired
  ${If} $Deed == "repair"
    Abort
  ${EndIf}
FunctionEnd

; One choice: a button and what it does.
!macro Choice VARIABLE LABEL TEXT
  ${NSD_CreateRadioButton} 120u $Rowu 195u 12u "${LABEL}"
  Pop ${VARIABLE}
  SetCtlColors ${VARIABLE} "" "${MUI_BGCOLOR}"
  IntOp $Row $Row + 13
  ${NSD_CreateLabel} 131u $Rowu 184u 36u "${TEXT}"
  Pop $0
  SetCtlColors $0 "" "${MUI_BGCOLOR}"
  IntOp $Row $Row + 42
!macroend

; Where Ankong is there already, the first page asks what to do about it.
Function ShowChoice
  ${If} $Deed == ""
    Return
  ${EndIf}
  !insertmacro Place $mui.WelcomePage.Text 120 45 195 20
  StrCpy $Row 74
  ${If} $Deed == "repair"
    !insertmacro Choice $First "$(ChooseRepair)" "$(RepairText)"
  ${Else}
    !insertmacro Choice $First "$(ChooseUpdate)" "$(UpdateText)"
  ${EndIf}
  !insertmacro Choice $Second "$(ChooseRemove)" "$(TakeOffText)"
  ${NSD_Check} $First
  ${NSD_SetFocus} $First
FunctionEnd

Function LeaveChoice
  ${If} $Deed == ""
    Return
  ${EndIf}
  ${NSD_GetState} $Second $0
  ${If} $0 = ${BST_CHECKED}
    Call BeginRemoval
  ${EndIf}
  ${If} $Deed == "repair"
    Call AskToClose
  ${EndIf}
FunctionEnd

; Hand over to the uninstaller, which is put there anew where it is missing.
Function BeginRemoval
  ClearErrors
  CreateDirectory "$INSTDIR"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  System::Call 'kernel32::CloseHandle(p $Lock)'
  Exec '"$INSTDIR\uninstall.exe"'
  Quit
FunctionEnd

Function ShowPlan
  ${If} $Deed == "repair"
    Abort
  ${EndIf}
  !insertmacro MUI_HEADER_TEXT "$(PlanTitle)" "$(PlanSubtitle)"
  nsDialogs::Create 1018
  Pop $0
  StrCpy $Row 0
  !insertmacro PlanRow "$(PlanProgram)$\r$\n$INSTDIR" 18
  !insertmacro PlanRow "$(PlanStart)" 18
  !insertmacro PlanRow "$(PlanCertificate)" 28
  ${If} $Trust = 1
    ${NSD_CreateGroupBox} 0 $Rowu 300u 62u "$(PlanQuestion)"
    Pop $0
    IntOp $Row $Row + 12
    ${NSD_CreateLabel} 8u $Rowu 284u 27u "$(PlanQuestionText)"
    Pop $0
    IntOp $Row $Row + 29
    ${NSD_CreateLabel} 8u $Rowu 284u 18u "$(PlanAnswer)"
    Pop $0
    CreateFont $1 "$(^Font)" "$(^FontSize)" 700
    SendMessage $0 ${WM_SETFONT} $1 1
  ${Else}
    ${NSD_CreateLabel} 0 $Rowu 300u 18u "$(PlanNoQuestion)"
    Pop $0
  ${EndIf}
  nsDialogs::Show
FunctionEnd

Function LeavePlan
  Call AskToClose
FunctionEnd

; A running agent is ended only after its citizen has agreed.
Function AskToClose
  Call IsRunning
  Pop $0
  ${If} $0 = 1
    MessageBox MB_OKCANCEL|MB_ICONINFORMATION "$(CloseIt)" IDOK +2
      Abort
  ${EndIf}
FunctionEnd

; Two notes may have to be told, for which there is no room as NSIS lays the page out.
;
; The second box says how it is now: "setup complete" has just done the first time's default, or
; kept what the citizen chose since.
Function ShowFinish
  !insertmacro Place $mui.FinishPage.Text 120 45 195 108
  !insertmacro Place $mui.FinishPage.Run 120 157 195 10
  !insertmacro Place $mui.FinishPage.ShowReadme 120 173 195 10
  ReadRegStr $0 HKCU "${RUN_KEY}" "${NAME}"
  ${If} $0 == ""
    ${NSD_Uncheck} $mui.FinishPage.ShowReadme
  ${EndIf}
FunctionEnd

Function LeaveFinish
  ReadRegStr $1 HKCU "${RUN_KEY}" "${NAME}"
  ${NSD_GetState} $mui.FinishPage.ShowReadme $0
  ${If} $0 = ${BST_CHECKED}
  ${AndIf} $1 == ""
    nsExec::Exec '"$INSTDIR\ankong.exe" setup complete --no-trust --autostart'
    Pop $0
  ${ElseIf} $0 <> ${BST_CHECKED}
  ${AndIf} $1 != ""
    nsExec::Exec '"$INSTDIR\ankong.exe" setup complete --no-trust --no-autostart'
    Pop $0
  ${EndIf}
FunctionEnd

Var Keep

Function un.ShowRemove
  !insertmacro MUI_HEADER_TEXT "$(RemoveTitle)" "$(RemoveSubtitle)"
  nsDialogs::Create 1018
  Pop $0
  ${NSD_CreateLabel} 0 0 300u 18u "$(RemoveText)"
  Pop $0
  ${NSD_CreateLabel} 0 22u 300u 18u "$(RemoveQuestion)"
  Pop $0
  ${NSD_CreateCheckbox} 0 48u 300u 12u "$(RemoveKeep)"
  Pop $Keep
  ${If} $Forget == ""
    ${NSD_Check} $Keep
  ${EndIf}
  nsDialogs::Show
FunctionEnd

Function un.LeaveRemove
  ${NSD_GetState} $Keep $0
  StrCpy $Forget "--forget"
  ${If} $0 = ${BST_CHECKED}
    StrCpy $Forget ""
  ${EndIf}
FunctionEnd
