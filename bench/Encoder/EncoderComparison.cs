using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using EoOnnx.Export;
using EoOnnx.Export.Architectures;
using EoOnnx.Formats;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Bench.Encoder;

/// <summary>Another runtime that computes an encoder of the same sizes.</summary>
internal interface IPeer : IDisposable
{
    /// <summary>Name and version.</summary>
    string Name { get; }

    /// <summary>Runs a batch of random images once.</summary>
    void Run(int batch);
}

/// <summary>
/// The exported encoder on ONNX Runtime, the same sizes in TorchSharp, and the machine's own matrix product, in one process on the same
/// threads. The three take turns, so that a change of the machine's load hits all of them; the median of the turns counts.
/// </summary>
internal static class EncoderComparison
{
    private const int Bands = 3, Tile = 224, Patch = 16, Width = 768, Depth = 12, Heads = 12, Tokens = 197;

    public static void Run(int threads, int repetitions, TextWriter output)
    {
        var folder = Directory.CreateTempSubdirectory("eoonnx-bench-").FullName;
        try
        {
            var (path, fusedPath) = (Path.Combine(folder, "encoder.onnx"), Path.Combine(folder, "fused.onnx"));
            BackboneExport.FromRandom(Backbones.Find("dofa"), "base", 1, new BackboneOptions()).Save(path, externalData: true);
            BackboneExport.FromRandom(Backbones.Find("dofa"), "base", 1, new BackboneOptions { Attention = AttentionForm.Fused }).Save(fusedPath, externalData: true);
            using var options = new SessionOptions { IntraOpNumThreads = threads, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
            using var session = new InferenceSession(path, options);
            using var fused = new InferenceSession(fusedPath, options);
            using var peer = CreatePeer(threads, output);
            Write(output, $"machine: {RuntimeInformation.OSDescription}, {Environment.ProcessorCount} processors, AVX-512 {(System.Runtime.Intrinsics.X86.Avx512F.IsSupported ? "yes" : "no")}, {threads} threads, {repetitions} repetitions");
            Write(output, $"ONNX Runtime {OrtEnv.Instance().GetVersionString()}, {peer?.Name ?? "no peer"}, .NET {Environment.Version}");
            foreach (var batch in new[] { 1, 8 })
            {
                Compare(session, fused, options, peer, batch, repetitions, output);
            }

            Write(output, $"peak memory of the process: {Process.GetCurrentProcess().PeakWorkingSet64 / 1e6:F0} MB{(peer is null ? "" : " (both runtimes together)")}");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

#if TORCHSHARP
    // TorchSharp's native library needs libstdc++ of GCC 13: Debian 12 has an older one. The rest is measured all the same.
    private static TorchEncoder? CreatePeer(int threads, TextWriter output)
    {
        try
        {
            return TorchEncoder.Create(threads, Bands, Tile, Patch, Width, Depth, Heads);
        }
        catch (TypeInitializationException failure)
        {
            Write(output, $"TorchSharp cannot be loaded on this system, so there is no peer in this run: {failure.InnerException?.Message.Split('\n')[0]}");
            return null;
        }
    }
#else
    private static IPeer? CreatePeer(int threads, TextWriter output)
    {
        Write(output, $"built without a peer on {threads} threads; build with -p:Peer=TorchSharp to compare");
        return null;
    }
#endif

    private static void Compare(InferenceSession session, InferenceSession fused, SessionOptions options, IPeer? peer, int batch, int repetitions, TextWriter output)
    {
        var shape = session.InputMetadata.Single().Value.Dimensions.Select(extent => (long)extent).ToArray();
        shape[0] = batch;
        using var image = OrtValue.CreateTensorValueFromMemory(Noise(shape), shape);
        using var run = new RunOptions();
        var (input, last) = (session.InputNames[0], session.OutputNames[^1]);
        using var product = new InferenceSession(ProductModel(), options);
        long[] rows = [batch * Tokens, Width];
        using var left = OrtValue.CreateTensorValueFromMemory(Noise(rows), rows);
        var contestants = new List<Action>
        {
            () => session.Run(run, [input], [image], [last]).Dispose(),
            () => product.Run(run, ["left"], [left], ["product"]).Dispose(),
            () => fused.Run(run, [input], [image], [last]).Dispose(),
        };
        if (peer is not null)
        {
            contestants.Add(() => peer.Run(batch));
        }

        var seconds = contestants.Select(_ => new List<double>()).ToList();
        for (var turn = -1; turn < repetitions; turn++)
        {
            foreach (var (contestant, work) in contestants.Index())
            {
                var clock = Stopwatch.StartNew();
                work();
                if (turn >= 0)   // the first turn warms up
                {
                    seconds[contestant].Add(clock.Elapsed.TotalSeconds);
                }
            }
        }

        var (graph, multiplication) = (Median(seconds[0]), Median(seconds[1]));
        var rate = 2.0 * Depth * 2 * batch * Tokens * Width * 4 * Width / multiplication;
        Write(output, $"batch {batch}: exported graph {graph:F3} s, SGEMM {rate / 1e9:F0} GFLOP/s, graph at {Operations(batch) / graph / rate:F2} of it; with fused attention {Median(seconds[2]):F3} s, {Median(seconds[2]) / graph:F2} times{(peer is null ? "" : string.Create(CultureInfo.InvariantCulture, $"; {peer.Name} {Median(seconds[3]):F3} s, {Median(seconds[3]) / graph:F2} times the graph"))}");
    }

    // Nothing but the products of the MLPs, rows x 768 x 3072 and back, as often as the encoder has blocks.
    private static byte[] ProductModel()
    {
        var op = new EoOnnx.Onnx.GraphBuilder("product");
        var x = op.Input("left", ElementType.Float, ["rows", Width]);
        var up = op.Initializer("up", TensorData.FromValues<float>([Width, 4 * Width], Noise([Width, 4 * Width])));
        var down = op.Initializer("down", TensorData.FromValues<float>([4 * Width, Width], Noise([4 * Width, Width])));
        for (var i = 0; i < Depth; i++)
        {
            x = op.MatMul(op.MatMul(x, up), down);
        }

        op.Output(x, "product");
        return new EoOnnx.Onnx.OnnxModel(op.Graph).ToBytes();
    }

    private static float[] Noise(long[] shape) => [.. Enumerable.Range(0, (int)TensorData.CountOf(shape)).Select(i => 0.01f * MathF.Sin(i))];

    // Multiplications and additions of the matrix products: patches, q, k, v and projection, both products of the attention, the MLP.
    private static double Operations(int batch) => 2.0 * batch * (((Tokens - 1) * (double)Bands * Patch * Patch * Width)
        + (Depth * ((Tokens * 12.0 * Width * Width) + (2.0 * Tokens * Tokens * Width))));

    private static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }

    private static void Write(TextWriter output, FormattableString line) => output.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
