// Check a bundle of aezoo, and run its model on an image: dotnet run -- BUNDLE [IMAGE OUTPUT]
//
// Needs the packages Microsoft.ML.OnnxRuntime and SixLabors.ImageSharp, and a little-endian machine.
// UNTESTED: neither .NET nor its packages could be had where the other programs of the kit are tested.
// Exit code: 0 all good, 1 a check failed, 2 bad usage or an unreadable file.

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Formats.Png;
using SixLabors.ImageSharp.PixelFormats;
using SixLabors.ImageSharp.Processing;

public static class Reconstruct
{
    /// <summary>The name of a file in the bundle, never one outside it.</summary>
    private static readonly Regex Inside = new Regex(@"\A(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_./-]*\z");

    /// <summary>Return the files that a card lists, by name, or none where a sha256 differs.</summary>
    private static Dictionary<string, byte[]> Load(string bundle, JsonElement card)
    {
        var files = new Dictionary<string, byte[]>();
        var wrong = new List<string>();
        foreach (JsonProperty listed in card.GetProperty("files").EnumerateObject())
        {
            if (!Inside.IsMatch(listed.Name))
                throw new InvalidDataException($"card.json names '{listed.Name}', which is not a file of the bundle");
            byte[] bytes = File.ReadAllBytes(Path.Combine(bundle, listed.Name));
            files[listed.Name] = bytes;
            if (Sha256(bytes) != listed.Value.GetProperty("sha256").GetString()) wrong.Add(listed.Name);
        }
        if (files.Count == 0) throw new InvalidDataException("card.json lists no file");
        foreach (string name in wrong) Console.WriteLine($"sha256 FAILED: {name}");
        if (wrong.Count > 0) return new Dictionary<string, byte[]>();
        Console.WriteLine($"sha256 ok: {files.Count} files");
        return files;
    }

    private static string Sha256(byte[] bytes)
    {
        using (SHA256 sum = SHA256.Create())
            return string.Concat(sum.ComputeHash(bytes).Select(b => b.ToString("x2")));
    }

    private static byte[] FileOf(Dictionary<string, byte[]> files, string name)
    {
        if (!files.TryGetValue(name, out byte[] bytes)) throw new InvalidDataException($"the bundle has no '{name}'");
        return bytes;
    }

    /// <summary>Return a graph ready to run, on one thread: the graphs are too small to share out.</summary>
    private static InferenceSession Open(byte[] graph)
    {
        using (var options = new SessionOptions { IntraOpNumThreads = 1 })
            return new InferenceSession(graph, options);
    }

    private static Dictionary<string, DenseTensor<float>> Run(
        InferenceSession graph, string input, DenseTensor<float> image, ICollection<string> outputs)
    {
        var feeds = new[] { NamedOnnxValue.CreateFromTensor(input, image) };
        using (var answers = graph.Run(feeds, outputs.ToArray()))
            return answers.ToDictionary(answer => answer.Name, answer => answer.AsTensor<float>().ToDenseTensor());
    }

    /// <summary>Return a tensor of test/vectors.json: raw float32, little-endian.</summary>
    private static DenseTensor<float> Vector(Dictionary<string, byte[]> files, JsonElement entry)
    {
        byte[] bytes = FileOf(files, "test/" + entry.GetProperty("file").GetString());
        var values = new float[bytes.Length / sizeof(float)];
        Buffer.BlockCopy(bytes, 0, values, 0, values.Length * sizeof(float));
        int[] shape = entry.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()).ToArray();
        return new DenseTensor<float>(values, shape);
    }

    /// <summary>Return the largest |difference|; it is not a number where one of the values is not.</summary>
    private static double Difference(DenseTensor<float> a, DenseTensor<float> b)
    {
        if (!a.Dimensions.SequenceEqual(b.Dimensions))
            throw new InvalidDataException("a graph gives another shape than test/vectors.json");
        double worst = 0;
        for (int i = 0; i < a.Length; i++)
            worst = Math.Max(worst, Math.Abs((double)a.GetValue(i) - b.GetValue(i)));
        return worst;
    }

    /// <summary>Run the test vectors through every graph; return whether every difference is allowed.</summary>
    private static bool Check(Dictionary<string, byte[]> files)
    {
        JsonElement vectors = JsonDocument.Parse(FileOf(files, "test/vectors.json")).RootElement;
        JsonElement tensors = vectors.GetProperty("tensors");
        JsonElement graphs = vectors.GetProperty("graphs");
        foreach (string name in files.Keys.Where(name => name.EndsWith(".onnx")))
            if (!graphs.TryGetProperty(name, out JsonElement ports) || !ports.GetProperty("outputs").EnumerateObject().Any())
                throw new InvalidDataException($"test/vectors.json has no vector for {name}");
        bool good = true;
        foreach (JsonProperty graph in graphs.EnumerateObject())
        {
            string input = graph.Value.GetProperty("input").GetString();
            var outputs = graph.Value.GetProperty("outputs").EnumerateObject()
                .ToDictionary(output => output.Name, output => output.Value.GetProperty("tolerance").GetDouble());
            Dictionary<string, DenseTensor<float>> answers;
            using (InferenceSession session = Open(FileOf(files, graph.Name)))
                answers = Run(session, input, Vector(files, tensors.GetProperty(input)), outputs.Keys);
            foreach (var output in outputs)
            {
                double found = Difference(answers[output.Key], Vector(files, tensors.GetProperty(output.Key)));
                bool near = found <= output.Value; // false also where the difference is not a number
                string numbers = $"{Scientific(found)} of {Scientific(output.Value)}";
                Console.WriteLine($"{graph.Name} {output.Key}: {numbers} {(near ? "ok" : "FAILED")}");
                good &= near;
            }
        }
        return good;
    }

    private static string Scientific(double value)
    {
        return value.ToString("0.0e-00", CultureInfo.InvariantCulture);
    }

    /// <summary>Read an image as the input of a graph, cropped around the centre.</summary>
    private static DenseTensor<float> ReadImage(string path, int channels, int height, int width)
    {
        if (channels != 1 && channels != 3) throw new InvalidDataException("the model's input is no image");
        var pixels = new DenseTensor<float>(new[] { 1, channels, height, width });
        var size = new Size(width, height);
        var fit = new ResizeOptions { Size = size, Mode = ResizeMode.Crop, Sampler = KnownResamplers.Box };
        using (Image<Rgb24> image = Image.Load<Rgb24>(path))
        {
            image.Mutate(context => context.Resize(fit));
            for (int y = 0; y < height; y++)
                for (int x = 0; x < width; x++)
                {
                    Rgb24 pixel = image[x, y];
                    float[] levels = { pixel.R, pixel.G, pixel.B };
                    if (channels == 1) levels = new[] { 0.299f * pixel.R + 0.587f * pixel.G + 0.114f * pixel.B };
                    for (int c = 0; c < channels; c++) pixels[0, c, y, x] = levels[c] / 255;
                }
        }
        return pixels;
    }

    private static void WriteImage(string path, DenseTensor<float> image)
    {
        int channels = image.Dimensions[1], height = image.Dimensions[2], width = image.Dimensions[3];
        Func<float, byte> level = value => (byte)Math.Round(255 * Math.Min(Math.Max(value, 0f), 1f));
        using (var picture = new Image<Rgb24>(width, height))
        {
            for (int y = 0; y < height; y++)
                for (int x = 0; x < width; x++)
                {
                    byte red = level(image[0, 0, y, x]); // and grey, where there is one channel
                    byte green = level(image[0, channels / 2, y, x]);
                    picture[x, y] = new Rgb24(red, green, level(image[0, channels - 1, y, x]));
                }
            var colours = channels == 1 ? PngColorType.Grayscale : PngColorType.Rgb;
            using (FileStream file = File.Create(path))
                picture.SaveAsPng(file, new PngEncoder { ColorType = colours });
        }
    }

    /// <summary>Return what a classifier takes the image for: the class of the largest softmax.</summary>
    private static string Named(float[] logits, JsonElement classes)
    {
        float best = logits.Max();
        double odds = 1 / logits.Sum(value => Math.Exp(value - best));
        string name = classes[Array.IndexOf(logits, best)].ToString();
        return $"named: {name} ({odds.ToString("0.00", CultureInfo.InvariantCulture)})";
    }

    /// <summary>Run an image through the model: save the reconstruction, or print a classifier's answer.</summary>
    private static void RunImage(JsonElement card, byte[] model, string source, string output)
    {
        JsonElement input = card.GetProperty("inputs")[0], shape = input.GetProperty("shape");
        string port = input.GetProperty("name").GetString();
        var outputs = card.GetProperty("outputs").EnumerateArray().ToDictionary(o => o.GetProperty("name").GetString());
        DenseTensor<float> image = ReadImage(source, shape[1].GetInt32(), shape[2].GetInt32(), shape[3].GetInt32());
        using (InferenceSession session = Open(model))
        {
            if (outputs.ContainsKey("logits"))
            {
                float[] logits = Run(session, port, image, new[] { "logits" })["logits"].ToArray();
                Console.WriteLine(Named(logits, outputs["logits"].GetProperty("classes")));
                return;
            }
            Stopwatch watch = Stopwatch.StartNew();
            DenseTensor<float> answer = Run(session, port, image, new[] { "reconstruction" })["reconstruction"];
            string took = watch.Elapsed.TotalMilliseconds.ToString("0.0", CultureInfo.InvariantCulture);
            WriteImage(output, answer);
            Console.WriteLine($"wrote {output}: {answer.Dimensions[3]}×{answer.Dimensions[2]}, {took} ms");
        }
    }

    private static int Start(string[] arguments)
    {
        string path = Path.Combine(arguments[0], "card.json");
        JsonElement card = JsonDocument.Parse(File.ReadAllBytes(path)).RootElement;
        Dictionary<string, byte[]> files = Load(arguments[0], card);
        if (files.Count == 0 || !Check(files)) return 1;
        if (arguments.Length == 3) RunImage(card, FileOf(files, "model.onnx"), arguments[1], arguments[2]);
        return 0;
    }

    public static int Main(string[] arguments)
    {
        Console.OutputEncoding = new UTF8Encoding(false);
        if (arguments.Length != 1 && arguments.Length != 3)
        {
            Console.Error.WriteLine("usage: Reconstruct BUNDLE [IMAGE OUTPUT]");
            return 2;
        }
        try
        {
            return Start(arguments);
        }
        catch (Exception error) // what ImageSharp and onnxruntime throw has no other class in common
        {
            Console.Error.WriteLine("Reconstruct: " + error.Message.ReplaceLineEndings(" "));
            return 2;
        }
    }
}
