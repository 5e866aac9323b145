/* A PKCS#11 module for tests: one token, one certificate, one key, and every fault that STUB names.
 *
 * STUB      words with blanks between them, see has()
 * STUB_CERT file of the certificate (DER)
 * STUB_KEY  file of the private key (PEM), which the command openssl signs with
 * STUB_LOG  file that each call of interest is written to, one a line; never a PIN
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long UL;
typedef unsigned char BYTE;
typedef struct { UL type; void *value; UL length; } ATTRIBUTE;
typedef struct { BYTE description[64], maker[32]; UL flags; BYTE versions[4]; } SLOT;
typedef struct {
    BYTE label[32], maker[32], model[16], serial[16];
    UL flags, sessions[4], longest, shortest, memory[4];
    BYTE versions[4], time[16];
} TOKEN;
typedef struct { BYTE version[2]; void *functions[68]; } LIST;

enum { CERTIFICATE = 11, PRIVATE_KEY = 22 };
static UL logins, contexts, objects_given, wanted_class;
static int logged_in;

static int has(const char *word) {
    const char *words = getenv("STUB");
    size_t length = strlen(word);
    for (const char *at = words; at && (at = strstr(at, word)); at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length])) return 1;
    return 0;
}

static void note(const char *what, UL number) {
    FILE *log = getenv("STUB_LOG") ? fopen(getenv("STUB_LOG"), "a") : NULL;
    if (log) { fprintf(log, "%s %lu\n", what, number); fclose(log); }
}

static void faults(const char *where) {
    char word[64];
    snprintf(word, sizeof word, "crash-%s", where);
    if (has(word)) { volatile int *nowhere = NULL; *nowhere = 1; }
    snprintf(word, sizeof word, "exit-%s", where);
    if (has(word)) _exit(3);
    snprintf(word, sizeof word, "fork-%s", where);
    if (has(word)) {
        int child = fork();
        if (!child) { sleep(100); _exit(0); }
        note("child", child);
        for (;;) pause();
    }
    snprintf(word, sizeof word, "hang-%s", where);
    if (has(word)) { note("hang", 0); for (;;) pause(); }
    if (has("print")) { printf("the module says hello\n"); fflush(stdout); write(1, "again\n", 6); }
}

static void fill(BYTE *to, size_t size, const char *text) {
    memset(to, ' ', size);
    memcpy(to, text, strlen(text));
}

static UL initialize(void *arguments) {
    if (arguments) return 7;
    faults("initialize");
    return has("initialized") ? 0x191 : has("fails") ? 5 : 0;
}

static UL finalize(void *unused) { (void)unused; note("finalize", 0); return 0; }

static UL slot_list(BYTE present, UL *slots, UL *count) {
    (void)present;
    faults("slots");
    if (has("lie-slots")) { *count = 1UL << 40; return 0; }
    if (has("pulled")) { *count = 0; return 0; }
    if (slots) slots[0] = 7;
    *count = 1;
    return 0;
}

static UL slot_info(UL slot, SLOT *info) {
    if (slot != 7) return 3;
    memset(info, 0, sizeof *info);
    fill(info->description, 64, getenv("STUB_SLOT") ? getenv("STUB_SLOT") : "Stub reader 00 00");
    return 0;
}

static UL token_info(UL slot, TOKEN *info) {
    if (slot != 7) return 3;
    memset(info, 0, sizeof *info);
    fill(info->label, 32, "Stub token");
    fill(info->maker, 32, "Nobody");
    fill(info->model, 16, "Stub");
    fill(info->serial, 16, has("other") ? "2" : "1");
    info->flags = 0x40C;
    if (has("protected")) info->flags |= 0x100;
    if (has("count-low")) info->flags |= 0x10000;
    if (has("final-try")) info->flags |= 0x20000;
    if (has("locked")) info->flags |= 0x40000;
    info->shortest = has("lie-pin") ? 1UL << 40 : 4;
    info->longest = has("lie-pin") ? 0 : 12;
    return 0;
}

static UL open_session(UL slot, UL flags, void *a, void *b, UL *session) {
    (void)a; (void)b;
    if (slot != 7 || flags != 4) return 3;
    faults("open");
    *session = 5;
    return 0;
}

static UL close_session(UL session) { (void)session; logged_in = 0; note("close", 0); return 0; }

static UL login(UL session, UL user, BYTE *pin, UL length) {
    (void)session;
    note(user == 1 ? "login" : "context", pin ? length : 0);
    faults(user == 1 ? "login" : "context");
    if (has("cancelled")) return 0x50;
    if (has("locks")) return 0xA4;
    if (has("already") && !logins++) return 0x100;
    if (has("any-pin")) return logged_in = 1, 0;
    if (has("protected") ? pin != NULL : length != 6 || memcmp(pin, "654321", 6)) return 0xA0;
    if (user == 2 && has("refuse-second") && ++contexts == 2) return 0xA0;
    logged_in = 1;
    return 0;
}

static UL logout(UL session) { (void)session; if (!logged_in) return 0x101; logged_in = 0; return 0; }

static UL read_file(const char *name, BYTE *to, UL size) {
    FILE *file = name ? fopen(name, "rb") : NULL;
    UL length = file ? fread(to, 1, size, file) : 0;
    if (file) fclose(file);
    return length;
}

static UL attribute_value(UL session, UL object, ATTRIBUTE *asked, UL count) {
    static BYTE found[65536];
    UL length = 1;
    (void)session; (void)count;
    faults("attribute");
    if (asked->type == 0x11 && object == CERTIFICATE) length = read_file(getenv("STUB_CERT"), found, sizeof found);
    else if (asked->type == 0x102) found[0] = 1;
    else if (asked->type == 0x3) { memcpy(found, "Signing", 7); length = 7; }
    else if (asked->type == 0x108) found[0] = 1;
    else if (asked->type == 0x202) found[0] = has("always") ? 1 : 0;
    else { asked->length = (UL)-1; return 0x12; }
    if (has("lie-attribute") && asked->value) { asked->length = 1UL << 40; return 0; }
    if (has("huge-attribute") && asked->type == 0x11) { asked->length = 1UL << 40; return 0; }
    asked->length = length;
    if (asked->value) memcpy(asked->value, found, length);
    return 0;
}

static UL find_init(UL session, ATTRIBUTE *template, UL count) {
    (void)session;
    faults("find");
    objects_given = 0;
    wanted_class = 0;
    for (UL at = 0; at < count; at++) if (template[at].type == 0) wanted_class = *(UL *)template[at].value;
    return 0;
}

static UL find(UL session, UL *objects, UL most, UL *count) {
    (void)session; (void)most;
    if (has("lie-objects")) { *count = 1UL << 40; return 0; }
    if (has("endless")) { for (UL at = 0; at < most; at++) objects[at] = CERTIFICATE; *count = most; return 0; }
    *count = 0;
    if (objects_given++) return 0;
    if (wanted_class == 1 && has("private") && !logged_in) return 0;
    if (wanted_class == 3 && (!logged_in || has("no-key"))) return 0;
    objects[0] = wanted_class == 1 ? CERTIFICATE : PRIVATE_KEY;
    *count = 1;
    return 0;
}

static UL find_final(UL session) { (void)session; return 0; }

static UL sign_init(UL session, void *mechanism, UL key) {
    (void)session; (void)mechanism;
    note("sign-init", key);
    return 0;
}

static UL sign(UL session, BYTE *data, UL length, BYTE *made, UL *made_length) {
    char in[] = "/tmp/stub-in-XXXXXX", out[] = "/tmp/stub-out-XXXXXX", command[512];
    (void)session;
    faults("sign");
    note("sign", length);
    if (has("lie-sign")) { *made_length = 1UL << 40; return 0; }
    if (has("empty-sign")) { *made_length = 0; return 0; }
    if (has("wrong-sign") || !getenv("STUB_KEY")) { memset(made, 7, 256); *made_length = 256; return 0; }
    FILE *file = fdopen(mkstemp(in), "wb");
    fwrite(data, 1, length, file);
    fclose(file);
    close(mkstemp(out));
    snprintf(command, sizeof command, "openssl pkeyutl -sign -inkey '%s' -in %s -out %s", getenv("STUB_KEY"), in, out);
    UL status = system(command) ? 6 : 0;
    *made_length = read_file(out, made, *made_length);
    remove(in);
    remove(out);
    return status;
}

UL C_GetFunctionList(LIST **given) {
    static LIST list;
    list.version[0] = 2;
    list.functions[0] = initialize;
    list.functions[1] = finalize;
    list.functions[4] = slot_list;
    list.functions[5] = slot_info;
    list.functions[6] = token_info;
    list.functions[12] = open_session;
    list.functions[13] = close_session;
    list.functions[18] = login;
    list.functions[19] = logout;
    list.functions[24] = attribute_value;
    list.functions[26] = find_init;
    list.functions[27] = find;
    list.functions[28] = find_final;
    list.functions[42] = sign_init;
    list.functions[43] = has("no-sign") ? NULL : sign;
    *given = has("no-list") ? NULL : &list;
    return 0;
}
