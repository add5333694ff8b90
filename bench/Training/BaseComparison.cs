using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Bench.Training;

/// <summary>What narrower storage of frozen weights gives on ONNX Runtime: the MLP products of four blocks of a ViT-B, with the weights in several forms, each in a process of its own.</summary>
internal static class BaseComparison
{
    private const int Width = 768, Hidden = 3072, Depth = 4, Tokens = 1576, Block = 32;

    private static readonly string[] Forms = ["float32", "bfloat16", "bfloat16, never widened", "int8, dynamic", "8 bits in blocks", "4 bits in blocks"];

    public static void Run(int threads, int repetitions, TextWriter output)
    {
        Write(output, $"{2 * Depth} products of {Tokens} x {Width} x {Hidden}, {threads} threads, {repetitions} repetitions, ONNX Runtime {OrtEnv.Instance().GetVersionString()}");
        Write(output, $"frozen weights            file MB  growth MB  forward s  against float32  step then  relative error");
        BaseFigures? plain = null;
        foreach (var form in Forms)
        {
            using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["base-probe", form, $"{threads}", $"{repetitions}"]) { RedirectStandardOutput = true })!;
            var text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            var figures = process.ExitCode == 0 ? JsonSerializer.Deserialize<BaseFigures>(text)! : throw new InvalidOperationException($"The measuring process of {form} ended with exit code {process.ExitCode}.");
            plain ??= figures;
            var error = Math.Sqrt(figures.Sample.Zip(plain.Sample, (a, b) => Math.Pow(a - b, 2)).Sum() / plain.Sample.Sum(value => (double)value * value));

            // The products of the backward pass need the weights in float32.
            var times = figures.Seconds / plain.Seconds;
            Write(output, $"{form,-24} {figures.FileBytes / 1e6,8:F0} {figures.GrowthBytes / 1e6,10:F0} {figures.Seconds,10:F3} {times,16:F2} {(1 + times) / 2,10:F2} {error,15:F4}");
        }
    }

    /// <summary>Measures one form in this process.</summary>
    public static BaseFigures Probe(string form, int threads, int repetitions)
    {
        var folder = Directory.CreateTempSubdirectory("eoonnx-bench-base-").FullName;
        try
        {
            var path = Path.Combine(folder, "base.onnx");
            Model(form).Save(path, new OnnxSaveOptions { ExternalData = true });
            long[] shape = [Tokens, Width];
            using var x = OrtValue.CreateTensorValueFromMemory(RandomTensors.Normal(3, "x", shape, 1).ToSingles(), shape);
            GC.Collect();
            var before = Process.GetCurrentProcess().WorkingSet64;
            using var options = new SessionOptions { IntraOpNumThreads = threads, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
            options.AddSessionConfigEntry("optimization.disable_specified_optimizers", form.EndsWith("never widened", StringComparison.Ordinal) ? "ConstantFolding" : "");
            using var session = new InferenceSession(path, options);
            using var run = new RunOptions();
            float[] Once()
            {
                using var result = session.Run(run, ["x"], [x], ["y"]);
                return result[0].GetTensorDataAsSpan<float>()[..(64 * Width)].ToArray();
            }

            var sample = Once();
            var growth = Process.GetCurrentProcess().WorkingSet64 - before;
            var seconds = new List<double>();
            for (var i = 0; i < repetitions; i++)
            {
                var clock = Stopwatch.StartNew();
                Once();
                seconds.Add(clock.Elapsed.TotalSeconds);
            }

            return new BaseFigures(new FileInfo(path + ".data").Length, growth, StepProbe.Median(seconds), sample);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static OnnxModel Model(string form)
    {
        var op = new GraphBuilder("base");
        var x = op.Input("x", ElementType.Float, ["rows", Width]);
        for (var i = 0; i < Depth; i++)
        {
            x = Product(op, form, Product(op, form, x, $"up{i}", Width, Hidden), $"down{i}", Hidden, Width);
        }

        op.Output(op.Cast(x, ElementType.Float), "y");
        var model = new OnnxModel(op.Graph);
        model.Opsets["com.microsoft"] = 1;
        return model;
    }

    private static Value Product(GraphBuilder op, string form, Value x, string name, int rows, int columns)
    {
        var weights = RandomTensors.Normal(1, name, [rows, columns], 1 / Math.Sqrt(rows)).ToSingles();
        switch (form)
        {
            case "float32":
                return op.MatMul(x, op.Initializer(name, TensorData.FromValues<float>([rows, columns], weights)));
            case "int8, dynamic":
                var (narrow, scales) = NarrowForward.Narrow(TensorData.FromValues<float>([rows, columns], weights));
                var quantized = op.Nodes("", "DynamicQuantizeLinear", [x], 3);
                var product = op.Node("MatMulInteger", [quantized[0], op.Initializer(name, narrow), quantized[2]]);
                return op.Mul(op.Cast(product, ElementType.Float), op.Mul(quantized[1], op.Initializer($"{name}.scale", scales)));
            case "8 bits in blocks" or "4 bits in blocks":
                return Blocks(op, x, name, weights, rows, columns, form[0] - '0');
            default:
                var halves = Array.ConvertAll(weights, value => (ushort)((BitConverter.SingleToUInt32Bits(value) + 0x8000) >> 16));
                var stored = TensorData.FromBytes(ElementType.BFloat16, [rows, columns], MemoryMarshal.AsBytes<ushort>(halves).ToArray());
                return op.MatMul(x, op.Cast(op.Initializer(name, stored), ElementType.Float));
        }
    }

    // MatMulNBits: a scale for 32 weights of a column, whole numbers around the middle of their range, products in int8 (accuracy level 4).
    private static Value Blocks(GraphBuilder op, Value x, string name, float[] weights, int rows, int columns, int bits)
    {
        var (blocks, middle) = (rows / Block, 1 << (bits - 1));
        var (packed, scales) = (new byte[columns * rows * bits / 8], new float[columns * blocks]);
        for (var column = 0; column < columns; column++)
        {
            for (var block = 0; block < blocks; block++)
            {
                var largest = 0f;
                for (var i = 0; i < Block; i++)
                {
                    largest = Math.Max(largest, Math.Abs(weights[(((block * Block) + i) * columns) + column]));
                }

                var scale = scales[(column * blocks) + block] = largest / (middle - 1);
                for (var i = 0; i < Block; i++)
                {
                    var value = (int)MathF.Round(weights[(((block * Block) + i) * columns) + column] / scale) + middle;
                    var at = (((column * blocks) + block) * Block) + i;
                    packed[at * bits / 8] |= (byte)(bits == 8 ? value : value << (4 * (at & 1)));
                }
            }
        }

        return op.Nodes("com.microsoft", "MatMulNBits",
            [x, op.Initializer(name, TensorData.FromValues<byte>([columns, blocks, Block * bits / 8], packed)), op.Initializer($"{name}.scale", TensorData.FromValues<float>([columns * blocks], scales))], 1,
            ("K", (long)rows), ("N", (long)columns), ("bits", (long)bits), ("block_size", (long)Block), ("accuracy_level", 4L))[0];
    }

    private static void Write(TextWriter output, FormattableString line) => output.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}

/// <summary>What a process found about one form of weights.</summary>
/// <param name="FileBytes">Bytes of the weights on disk.</param>
/// <param name="GrowthBytes">Growth of the process from before the session to after its first run.</param>
/// <param name="Seconds">Median seconds of a run.</param>
/// <param name="Sample">The first rows of the output.</param>
public sealed record BaseFigures(long FileBytes, long GrowthBytes, double Seconds, float[] Sample);
