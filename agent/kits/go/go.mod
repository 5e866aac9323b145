module ankongverify

go 1.19
