import ankong.LoginVerifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

public final class First {
    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]); // the test vectors
        var root = LoginVerifier.loadAuthority(Files.readAllBytes(folder.resolve("root.cer")));
        var ca = LoginVerifier.loadAuthority(Files.readAllBytes(folder.resolve("ca.cer")));
        var lists = List.of(
                LoginVerifier.loadList(Files.readAllBytes(folder.resolve("root.crl")), root),
                LoginVerifier.loadList(Files.readAllBytes(folder.resolve("ca.crl")), ca));
        var verifier = new LoginVerifier(List.of(root), List.of(ca), lists, List.of("https://portal.example"));
        String challenge = "4OHi4-Tl5ufo6err7O3u7_Dx8vP09fb3-Pn6-_z9_v8zMiBtb3JlIG9jdGV0cywgaW4gQVNDSUkgbGV0dGVycw";
        System.out.println(verifier.verify(Files.readAllBytes(folder.resolve("valid.der")), challenge, "login", Instant.now()));
    }
}
