; What the citizen reads, in both languages: short, kind and exact.

!macro Text NAME ENGLISH CHINESE
  LangString ${NAME} ${LANG_ENGLISH} `${ENGLISH}`
  LangString ${NAME} ${LANG_TRADCHINESE} `${CHINESE}`
!macroend
!define Text "!insertmacro Text"

${Text} ProductName "Ankong" "安控"
${Text} ProductLong "Ankong, the signing agent" "安控 Ankong"

; The beginning.
${Text} NeedsWindows10 \
  "Ankong needs Windows 10 or newer. Nothing on this computer was changed." \
  "安控需要 Windows 10 或更新的版本。這部電腦沒有任何變更。"
${Text} SetupIsOpen \
  "The installation of Ankong is open already. Please go on in its window." \
  "安控的安裝程式已經開啟，請在那個視窗繼續。"
${Text} Downgrade \
  "A newer version of Ankong is installed: $Installed. This one is ${VERSION}.$\n$\nReplace the newer one by the older one all the same?" \
  "這部電腦已有較新的安控 $Installed，這個安裝程式是 ${VERSION}。$\n$\n仍要換成較舊的版本嗎？"
${Text} WelcomeTitle \
  "Welcome to Ankong" \
  "歡迎安裝安控"
${Text} WelcomeText \
  "Ankong lets web pages sign with your citizen certificate, and leaves the decision to you.$\r$\n$\r$\nThe installation takes less than a minute. It is for your account only; no administrator is needed.$\r$\n$\r$\nBefore anything is added to this computer, you will see what that is." \
  "安控讓網頁能用您的自然人憑證簽章，而決定權始終在您手上。$\r$\n$\r$\n安裝不到一分鐘，只裝給您自己的帳號，不需要系統管理員。$\r$\n$\r$\n在這部電腦加入任何東西之前，會先讓您看清楚加入什麼。"
${Text} UpdateText \
  "Ankong $Installed is on this computer and will be replaced by version ${VERSION}. Sites, history and settings stay as they are." \
  "這部電腦已有安控 $Installed，將更新為 ${VERSION}。網站設定、使用紀錄與偏好都會保留。"
${Text} LicenceBottom \
  "Ankong is open source. Tick the box if you accept its licence." \
  "安控是開放原始碼軟體。接受授權條款，請勾選下方的方塊。"
${Text} LicenceAccept \
  "I &accept the licence" \
  "我接受授權條款(&A)"

; What will be added.
${Text} PlanTitle "What will be added to this computer" "將在這部電腦加入什麼"
${Text} PlanSubtitle \
  "Three things. All of them go again when you uninstall Ankong." \
  "共有三項；解除安裝時會全部移除。"
${Text} PlanProgram \
  "The program, about ${MEGABYTES} MB, for your account only, in:" \
  "程式：約 ${MEGABYTES} MB，只裝給您自己的帳號，位置是"
${Text} PlanStart \
  "The start at sign-in: an icon in the notification area. The last page lets you decline." \
  "登入時啟動：圖示會出現在螢幕右下角的通知區。最後一頁可以取消。"
${Text} PlanCertificate \
  "A local certificate: your browser uses it to reach Ankong on this computer safely. It is made here, is good for this computer (localhost) only, and its key is destroyed at once." \
  "本機憑證：讓瀏覽器能安全連線到這部電腦上的安控。憑證在這裡產生，只對這部電腦（localhost）有效，簽發金鑰用完立即銷毀。"
${Text} PlanQuestion "Windows will ask about the certificate" "接著 Windows 會問您憑證的事"
${Text} PlanQuestionText \
  "The window is called $\"Security Warning$\" and names $\"Ankong local authority$\". It asks: $\"Do you want to install this certificate?$\"" \
  "視窗的標題是「安全性警告」，內容提到「Ankong local authority」，並問：「您要安裝這個憑證嗎？」"
${Text} PlanAnswer \
  "Please answer Yes. With No, web pages cannot reach Ankong until you install it again." \
  "請按「是(Y)」。若按「否」，網頁會連不到安控，需要重新安裝一次。"
${Text} PlanNoQuestion \
  "The certificate will not be made known to browsers, as you asked (/NOTRUST)." \
  "依照您的指定 (/NOTRUST)，不會把憑證加入瀏覽器。"
${Text} CloseIt \
  "Ankong is running. OK ends it, and the installation goes on; a signature that is being made is finished first." \
  "安控正在執行。按「確定」會先結束它再繼續安裝；進行中的簽章會先完成。"

; Installing.
${Text} Copying "Copying the program…" "正在複製程式…"
${Text} Closing "Ending the running Ankong…" "正在結束執行中的安控…"
${Text} Replacing "Putting the new files in place…" "正在換上新的檔案…"
${Text} SettingUp \
  "Making the local certificate. Please answer Yes when Windows asks…" \
  "正在建立本機憑證。Windows 詢問時，請按「是」…"
${Text} SettingUpQuietly "Making the local certificate…" "正在建立本機憑證…"
${Text} CannotWrite \
  "Ankong cannot be written to this folder:$\n$INSTDIR$\n$\nPerhaps it is read-only, or belongs to somebody else. Choose $\"Retry$\" once that is put right. Nothing was changed." \
  "無法寫入這個資料夾：$\n$INSTDIR$\n$\n它可能是唯讀的，或屬於別人。處理好之後請按「重試」。目前沒有任何變更。"
${Text} NoSpace \
  "The disk is too full: Ankong needs $Needed MB while it is installed, and $Free MB are free. Make room, then choose $\"Retry$\". Nothing was changed." \
  "磁碟空間不足：安裝時需要 $Needed MB，目前只有 $Free MB。請清出空間後按「重試」。目前沒有任何變更。"
${Text} FileError \
  "This file cannot be written:$\r$\n$\r$\n$0$\r$\n$\r$\nPerhaps the disk is full. Make room, then choose $\"Retry$\"." \
  "無法寫入這個檔案：$\r$\n$\r$\n$0$\r$\n$\r$\n磁碟可能已滿。請清出空間後按「重試」。"
${Text} StillRunning \
  "The running Ankong did not end. Choose $\"Quit Ankong$\" in the menu of its icon, then $\"Retry$\"." \
  "執行中的安控沒有結束。請在它的圖示選單按「結束安控」，再按「重試」。"
${Text} InUse \
  "Another program uses this file:$\n$Stuck$\n$\nClose it, then choose $\"Retry$\"." \
  "這個檔案正被其他程式使用：$\n$Stuck$\n$\n請關閉那個程式後按「重試」。"
${Text} NotFinished "Ankong was not installed" "安控沒有安裝完成"
${Text} OldRemains \
  "What was there before is still there. Put the cause right, then start this program again." \
  "原有的版本仍然保留。排除原因之後，請再執行一次這個安裝程式。"
${Text} HalfDone \
  "Please start this program again: it goes on from here." \
  "請再執行一次這個安裝程式，會從這裡接著完成。"

; The end.
${Text} FinishTitle "Ankong is installed" "安控已安裝完成"
${Text} FinishWell \
  "Web pages can now ask for your signature. They reach you only through Ankong's windows, and your PIN goes only to the card." \
  "網頁現在可以請您簽章了。安控會先用自己的視窗問您，PIN 碼只會送進卡片。"
${Text} FinishSetup \
  "One thing is left: the local certificate could not be made. Start this program again; if it stays so, choose $\"Check and repair$\" in Ankong's menu." \
  "還差一步：無法建立本機憑證。請再執行一次這個安裝程式；若仍不行，請在安控的選單按「檢查與修復」。"
${Text} FinishTrust \
  "One thing is left: browsers do not trust the local certificate yet, so web pages cannot reach Ankong. Start this program again, and answer Yes when Windows asks." \
  "還差一步：瀏覽器還不信任本機憑證，網頁連不到安控。請再執行一次這個安裝程式，並在 Windows 詢問時按「是」。"
${Text} FinishUntrusted \
  "Browsers were not told to trust the local certificate, as you asked (/NOTRUST)." \
  "依照您的指定 (/NOTRUST)，瀏覽器不信任本機憑證。"
${Text} FinishPort \
  "Another program answers on port 61161, perhaps an older signing component. Older web pages will talk to that one; uninstall it if Ankong is to answer them." \
  "連接埠 61161 已被其他程式使用，可能是舊的簽章元件；舊式網頁會連到它。若要由安控回應，請解除安裝那個程式。"
${Text} FinishCards \
  "The smart-card service of Windows does not run yet. It starts when you plug in a reader; if not, start $\"Smart Card$\" in Windows' Services." \
  "Windows 的智慧卡服務還沒有執行。插上讀卡機後會自動啟動；若沒有，請到 Windows「服務」啟動「Smart Card」。"
${Text} RunNow "&Start Ankong now" "立即啟動安控(&S)"
${Text} StartAtLogin "Start when I sign in to &Windows" "登入 Windows 時自動啟動(&W)"

; Uninstalling.
${Text} RemoveTitle "Uninstall Ankong" "解除安裝安控"
${Text} RemoveSubtitle "The program and all that was added with it will be removed." "將移除程式與安裝時加入的一切。"
${Text} RemoveText \
  "Ankong is ended, and the program, its start at sign-in and its local certificate are removed." \
  "會先結束安控，再移除程式、登入時啟動與本機憑證。"
${Text} RemoveQuestion \
  "Windows may ask whether the certificate $\"Ankong local authority$\" is to be deleted. Please answer Yes." \
  "Windows 可能會問是否刪除憑證「Ankong local authority」，請按「是(Y)」。"
${Text} RemoveKeep \
  "&Keep my sites and my history, in case I install Ankong again" \
  "保留我的網站設定與使用紀錄，以便日後重新安裝(&K)"
${Text} Removing "Ending Ankong and removing its certificate…" "正在結束安控並移除憑證…"
${Text} NotUndone \
  "Not everything could be removed: perhaps Windows was told to keep the certificate. $\"Retry$\" tries again, $\"Ignore$\" removes the rest." \
  "有些項目無法移除，可能是選擇了保留憑證。「重試」再試一次，「忽略」則繼續移除其餘部分。"
