import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import javax.imageio.ImageIO;

/**
 * Check a bundle of aezoo, and run its model on an image: java Reconstruct.java BUNDLE [IMAGE OUTPUT]
 *
 * <p>Needs onnxruntime and Jackson on the class path. Exit code: 0 all good, 1 a check failed, 2 bad usage or an
 * unreadable file.
 */
public final class Reconstruct {
    /** The name of a file in the bundle, never one outside it. */
    private static final Pattern INSIDE = Pattern.compile("(?!.*\\.\\.)[A-Za-z0-9_][A-Za-z0-9_./-]*");

    private static final OrtEnvironment ENVIRONMENT =
            OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    /** Values and their shape; of images batch, channels, height, width. */
    private record Tensor(float[] values, long[] shape) {}

    /** Return the files that a card lists, by name, or none where a sha256 differs. */
    static Map<String, byte[]> load(Path bundle, JsonNode card) throws IOException, NoSuchAlgorithmException {
        JsonNode listed = at(card, "files");
        if (listed.isEmpty()) throw new IOException("card.json lists no file");
        Map<String, byte[]> files = new LinkedHashMap<>();
        for (String name : (Iterable<String>) listed::fieldNames) {
            if (!INSIDE.matcher(name).matches())
                throw new IOException("card.json names '" + name + "', which is not a file of the bundle");
            files.put(name, Files.readAllBytes(bundle.resolve(name)));
        }
        boolean good = true;
        for (var entry : files.entrySet()) {
            if (sha256(entry.getValue()).equals(at(listed.get(entry.getKey()), "sha256").asText())) continue;
            OUT.println("sha256 FAILED: " + entry.getKey());
            good = false;
        }
        if (!good) return Map.of();
        OUT.println("sha256 ok: " + files.size() + " files");
        return files;
    }

    static String sha256(byte[] bytes) throws NoSuchAlgorithmException {
        StringBuilder hex = new StringBuilder();
        for (byte b : MessageDigest.getInstance("SHA-256").digest(bytes)) hex.append(String.format("%02x", b));
        return hex.toString();
    }

    static byte[] file(Map<String, byte[]> files, String name) throws IOException {
        if (!files.containsKey(name)) throw new IOException("the bundle has no '" + name + "'");
        return files.get(name);
    }

    static JsonNode at(JsonNode node, String key) throws IOException {
        if (!node.has(key)) throw new IOException("card.json or test/vectors.json has no '" + key + "'");
        return node.get(key);
    }

    /** Return a graph ready to run, on one thread: the graphs are too small to share out. */
    static OrtSession open(byte[] graph) throws OrtException {
        try (var options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(1);
            return ENVIRONMENT.createSession(graph, options);
        }
    }

    static Map<String, Tensor> run(OrtSession graph, String input, Tensor image, Set<String> outputs)
            throws OrtException {
        try (var value = OnnxTensor.createTensor(ENVIRONMENT, FloatBuffer.wrap(image.values), image.shape);
                var answers = graph.run(Map.of(input, value), outputs)) {
            Map<String, Tensor> tensors = new LinkedHashMap<>();
            for (var answer : answers) {
                OnnxTensor tensor = (OnnxTensor) answer.getValue();
                FloatBuffer buffer = tensor.getFloatBuffer();
                float[] values = new float[buffer.remaining()];
                buffer.get(values);
                tensors.put(answer.getKey(), new Tensor(values, tensor.getInfo().getShape()));
            }
            return tensors;
        }
    }

    /** Return a tensor of test/vectors.json: raw float32, little-endian. */
    static Tensor vector(Map<String, byte[]> files, JsonNode entry) throws IOException {
        byte[] bytes = file(files, "test/" + at(entry, "file").asText());
        float[] values = new float[bytes.length / Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
        return new Tensor(values, JSON.convertValue(at(entry, "shape"), long[].class));
    }

    /** Return the largest |difference|; it is not a number where one of the values is not. */
    static double difference(Tensor a, Tensor b) throws IOException {
        if (!Arrays.equals(a.shape, b.shape) || a.values.length != b.values.length)
            throw new IOException("a graph gives another shape than test/vectors.json");
        double worst = 0;
        for (int i = 0; i < a.values.length; i++) worst = Math.max(worst, Math.abs((double) a.values[i] - b.values[i]));
        return worst;
    }

    /** Run the test vectors through every graph, print each largest difference, return whether all are allowed. */
    static boolean check(Map<String, byte[]> files) throws IOException, OrtException {
        JsonNode vectors = JSON.readTree(file(files, "test/vectors.json"));
        JsonNode tensors = at(vectors, "tensors"), graphs = at(vectors, "graphs");
        for (String name : files.keySet()) {
            if (name.endsWith(".onnx") && (!graphs.has(name) || at(graphs.get(name), "outputs").isEmpty()))
                throw new IOException("test/vectors.json has no vector for " + name);
        }
        boolean good = true;
        for (String graph : (Iterable<String>) graphs::fieldNames) {
            String input = at(graphs.get(graph), "input").asText();
            JsonNode outputs = at(graphs.get(graph), "outputs");
            Set<String> names = new LinkedHashSet<>();
            outputs.fieldNames().forEachRemaining(names::add);
            Map<String, Tensor> answers;
            try (var session = open(file(files, graph))) {
                answers = run(session, input, vector(files, at(tensors, input)), names);
            }
            for (String name : names) {
                double allowed = at(outputs.get(name), "tolerance").asDouble();
                double found = difference(answers.get(name), vector(files, at(tensors, name)));
                boolean near = found <= allowed; // false also where the difference is not a number
                String result = near ? "ok" : "FAILED";
                OUT.println(String.format(Locale.ROOT, "%s %s: %.1e of %.1e %s", graph, name, found, allowed, result));
                good &= near;
            }
        }
        return good;
    }

    /** Read an image as the input of a graph: cropped around the centre, each pixel the mean of those it covers. */
    static Tensor readImage(String path, int channels, int height, int width) throws IOException {
        if ((channels != 1 && channels != 3) || height < 1 || width < 1 || height > 16384 || width > 16384)
            throw new IOException("the model's input is no image");
        byte[] bytes = Files.readAllBytes(Path.of(path));
        BufferedImage image = ImageIO.read(new ByteArrayInputStream(bytes));
        if (image == null) throw new IOException("cannot read " + path + " as an image");
        int wide = Math.max(1, (int) Math.min(image.getWidth(), (long) image.getHeight() * width / height));
        int high = Math.max(1, (int) Math.min(image.getHeight(), (long) image.getWidth() * height / width));
        int left = (image.getWidth() - wide) / 2, top = (image.getHeight() - high) / 2;
        float[] values = new float[channels * height * width];
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                int x0 = left + x * wide / width, x1 = left + ((x + 1) * wide + width - 1) / width;
                int y0 = top + y * high / height, y1 = top + ((y + 1) * high + height - 1) / height;
                double[] mean = mean(image, x0, x1, y0, y1);
                double grey = 0.299 * mean[0] + 0.587 * mean[1] + 0.114 * mean[2];
                for (int c = 0; c < channels; c++)
                    values[(c * height + y) * width + x] = (float) ((channels == 1 ? grey : mean[c]) / 255);
            }
        return new Tensor(values, new long[] {1, channels, height, width});
    }

    /** Return the mean red, green and blue of a part of an image. */
    static double[] mean(BufferedImage image, int x0, int x1, int y0, int y1) {
        boolean grey = image.getColorModel().getColorSpace().getType() == ColorSpace.TYPE_GRAY;
        double[] sum = new double[3];
        for (int y = y0; y < y1; y++)
            for (int x = x0; x < x1; x++) {
                // getRGB would take grey levels for linear light and brighten them
                int rgb = grey ? 0x010101 * greyLevel(image, x, y) : image.getRGB(x, y);
                for (int c = 0; c < 3; c++) sum[c] += rgb >> (16 - 8 * c) & 255;
            }
        return Arrays.stream(sum).map(value -> value / ((x1 - x0) * (y1 - y0))).toArray();
    }

    static int greyLevel(BufferedImage image, int x, int y) {
        return image.getRaster().getSample(x, y, 0) >> (image.getSampleModel().getSampleSize(0) - 8);
    }

    static void writeImage(String path, Tensor image) throws IOException {
        int channels = (int) image.shape[1], height = (int) image.shape[2], width = (int) image.shape[3];
        int kind = channels == 1 ? BufferedImage.TYPE_BYTE_GRAY : BufferedImage.TYPE_INT_RGB;
        BufferedImage picture = new BufferedImage(width, height, kind);
        for (int i = 0; i < image.values.length; i++) {
            int level = (int) Math.round(255.0 * Math.min(Math.max(image.values[i], 0), 1));
            int channel = i / (height * width), at = i % (height * width);
            picture.getRaster().setSample(at % width, at / width, channel, level);
        }
        try (var file = Files.newOutputStream(Path.of(path))) {
            ImageIO.write(picture, "png", file);
        }
    }

    /** Return what a classifier takes the image for: the class with the largest softmax of its logits. */
    static String named(float[] logits, JsonNode classes) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
        double sum = 0;
        for (float value : logits) sum += Math.exp(value - logits[best]);
        return String.format(Locale.ROOT, "named: %s (%.2f)", classes.path(best).asText(), 1 / sum);
    }

    /** Run an image through the model: save the reconstruction, or print what a classifier takes it for. */
    static void run(JsonNode card, byte[] model, String source, String output) throws IOException, OrtException {
        JsonNode input = at(card, "inputs").path(0), shape = at(input, "shape"), classes = null;
        Tensor image = readImage(source, shape.path(1).asInt(), shape.path(2).asInt(), shape.path(3).asInt());
        for (JsonNode port : at(card, "outputs"))
            if (at(port, "name").asText().equals("logits")) classes = at(port, "classes");
        String name = classes == null ? "reconstruction" : "logits";
        Tensor answer;
        double milliseconds;
        try (var session = open(model)) {
            long start = System.nanoTime();
            answer = run(session, at(input, "name").asText(), image, Set.of(name)).get(name);
            milliseconds = (System.nanoTime() - start) / 1e6;
        }
        if (classes != null) {
            OUT.println(named(answer.values, classes));
            return;
        }
        writeImage(output, answer);
        String size = answer.shape[3] + "×" + answer.shape[2];
        OUT.println(String.format(Locale.ROOT, "wrote %s: %s, %.1f ms", output, size, milliseconds));
    }

    static int start(String[] arguments) throws IOException, NoSuchAlgorithmException, OrtException {
        Path bundle = Path.of(arguments[0]);
        JsonNode card = JSON.readTree(Files.readAllBytes(bundle.resolve("card.json")));
        Map<String, byte[]> files = load(bundle, card);
        if (files.isEmpty() || !check(files)) return 1;
        if (arguments.length == 3) run(card, file(files, "model.onnx"), arguments[1], arguments[2]);
        return 0;
    }

    public static void main(String[] arguments) {
        int code = 2;
        if (arguments.length != 1 && arguments.length != 3) {
            System.err.println("usage: java Reconstruct.java BUNDLE [IMAGE OUTPUT]");
            System.exit(code);
        }
        try {
            code = start(arguments);
        } catch (NoSuchFileException error) {
            System.err.println("Reconstruct: there is no file " + error.getMessage());
        } catch (JsonProcessingException error) {
            String what = "card.json or test/vectors.json is not JSON: ";
            System.err.println("Reconstruct: " + what + error.getOriginalMessage());
        } catch (Exception error) { // what javax.imageio and onnxruntime throw has no other class in common
            System.err.println("Reconstruct: " + String.valueOf(error.getMessage()).replaceAll("\\s+", " "));
        }
        System.exit(code);
    }
}
