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

Function ShowPlan
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

; A running agent is ended only after its citizen has agreed.
Function LeavePlan
  Call IsRunning
  Pop $0
  ${If} $0 = 1
    MessageBox MB_OKCANCEL|MB_ICONINFORMATION "$(CloseIt)" IDOK +2
      Abort
  ${EndIf}
FunctionEnd

; Put a control of the last page elsewhere; dialog units.
!macro Place CONTROL LEFT TOP WIDTH HEIGHT
  System::Call '*(i ${LEFT}, i ${TOP}, i ${WIDTH}, i ${HEIGHT}) p .r0'
  System::Call 'user32::MapDialogRect(p $HWNDPARENT, p r0)'
  System::Call '*$0(i .r1, i .r2, i .r3, i .r4)'
  System::Free $0
  System::Call 'user32::SetWindowPos(p ${CONTROL}, p 0, i r1, i r2, i r3, i r4, i 4)'
!macroend

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
