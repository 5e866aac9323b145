import com.itextpdf.text.pdf.AcroFields;
import com.itextpdf.text.pdf.PdfArray;
import com.itextpdf.text.pdf.PdfDictionary;
import com.itextpdf.text.pdf.PdfName;
import com.itextpdf.text.pdf.PdfReader;
import com.itextpdf.text.pdf.security.PdfPKCS7;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Security;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/**
 * Says of each signature of a PDF what another library finds; a line each, words apart by tabs.
 *
 * <p>iText 5 cannot name what a key on a curve makes (RFC 5753): there it says what is covered, and
 * BouncyCastle, on which it stands, whether that was signed.
 */
public class PdfJudge {
    public static void main(String[] files) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        for (String file : files) {
            PdfReader reader = new PdfReader(file);
            AcroFields fields = reader.getAcroFields();
            for (String name : fields.getSignatureNames()) {
                System.out.println(String.join("\t", file, name, found(file, fields, name),
                    "revision=" + fields.getRevision(name) + "/" + fields.getTotalRevisions()));
            }
            PdfDictionary store = reader.getCatalog().getAsDict(new PdfName("DSS"));
            if (store != null) {
                System.out.println(String.join("\t", file, "DSS",
                    "certificates=" + store.getAsArray(new PdfName("Certs")).size(),
                    "lists=" + store.getAsArray(new PdfName("CRLs")).size()));
            }
        }
    }

    private static String found(String file, AcroFields fields, String name) throws Exception {
        CMSSignedData message = message(file, fields.getSignatureDictionary(name));
        SignerInformation signer = message.getSignerInfos().iterator().next();
        if (signer.getEncryptionAlgOID().startsWith("1.2.840.10045.")) {
            return said(isIntact(message, signer), false, "none");
        }
        PdfPKCS7 found = fields.verifySignature(name);
        boolean stamped = !found.isTsp() && found.getTimeStampToken() != null;
        String stamp = stamped ? String.valueOf(found.verifyTimestampImprint()) : "none";
        return said(found.verify(), found.isTsp(), stamp);
    }

    private static String said(boolean intact, boolean isTimestamp, String timestamp) {
        return String.join("\t", "intact=" + intact, "document_timestamp=" + isTimestamp,
            "timestamp=" + timestamp);
    }

    private static CMSSignedData message(String file, PdfDictionary signature) throws Exception {
        byte[] octets = Files.readAllBytes(Path.of(file));
        PdfArray ranges = signature.getAsArray(PdfName.BYTERANGE);
        ByteArrayOutputStream covered = new ByteArrayOutputStream();
        for (int at = 0; at < ranges.size(); at += 2) {
            covered.write(octets, ranges.getAsNumber(at).intValue(),
                ranges.getAsNumber(at + 1).intValue());
        }
        byte[] contents = signature.getAsString(PdfName.CONTENTS).getOriginalBytes();
        return new CMSSignedData(new CMSProcessableByteArray(covered.toByteArray()),
            new ByteArrayInputStream(contents)); // a stream may go on behind the message: zeros
    }

    private static boolean isIntact(CMSSignedData message, SignerInformation signer)
            throws Exception {
        Object own = message.getCertificates().getMatches(signer.getSID()).iterator().next();
        return signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC")
            .build((X509CertificateHolder) own));
    }
}
