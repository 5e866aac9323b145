import com.itextpdf.text.pdf.AcroFields;
import com.itextpdf.text.pdf.PdfDictionary;
import com.itextpdf.text.pdf.PdfName;
import com.itextpdf.text.pdf.PdfReader;
import com.itextpdf.text.pdf.security.PdfPKCS7;
import java.security.Security;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

/** Says of each signature of a PDF what another library finds; a line each, words apart by tabs. */
public class PdfJudge {
    public static void main(String[] files) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        for (String file : files) {
            PdfReader reader = new PdfReader(file);
            AcroFields fields = reader.getAcroFields();
            for (String name : fields.getSignatureNames()) {
                PdfPKCS7 found = fields.verifySignature(name);
                boolean stamped = !found.isTsp() && found.getTimeStampToken() != null;
                System.out.println(String.join("\t", file, name,
                    "intact=" + found.verify(),
                    "document_timestamp=" + found.isTsp(),
                    "timestamp=" + (stamped ? found.verifyTimestampImprint() : "none"),
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
}
