using System.CommandLine;
using EoOnnx.Runtime;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx embed SCENE</c>: a scene through an encoder, as a raster of embeddings.</summary>
internal static class EmbedVerb
{
    public static Command Create(Terminal terminal)
    {
        var source = new SceneSourceOptions();
        var raster = SharedOptions.Required<string>("--out", "The raster of embeddings, a cloud-optimised GeoTIFF with a band for each channel. EMB.report.json and EMB.report.html are written beside it.", "file");
        var pool = SharedOptions.WithDefault("--pool", PoolKind.None, "One pixel a patch (none), or one pixel a tile: the mean of its patches, or its class token (cls).", "none|mean|cls");
        var storage = SharedOptions.WithDefault("--type", NumberKind.Float32, "float32; float16, half the size; int8, a quarter: one byte with a scale and an offset for each band, found in a sample of tiles.", "float32|float16|int8");
        var verb = new Verb("embed", "Embed a scene of any size: stream it through an encoder and write what it makes of each patch or tile.")
        {
            Example = "eoonnx demo --out demo\neoonnx export dofa --random --size base --bands B02,B03,B04,B8A,B11,B12 --out encoder.onnx\neoonnx embed demo/evaluate/images/scene_b.tif --model encoder.onnx --out embedding.tif --type float16 --quicklook",
        };
        source.AddTo(verb);
        verb.Add(raster);
        verb.Add(pool);
        verb.Add(storage);
        var options = new SceneVerbOptions(verb, "--blend", "--blend-space", "--tta", "--out-type", "--quantise", "--confidence", "--median", "--vector", "--min-area", "--simplify", "--classes", "--style");
        verb.SetAction((parsed, cancellation) => terminal.RunAsync<SceneReport>(parsed, async (progress, token) =>
        {
            using var model = options.LoadModel(parsed);
            using var adapter = options.LoadAdapter(parsed, model);
            var wanted = options.Read(parsed, adapter) with { Embedding = new EmbeddingOptions { Pool = (EmbeddingPool)parsed.GetValue(pool), Storage = (EmbeddingStorage)parsed.GetValue(storage) } };
            using var scene = Scene.Open(model, source.Read(parsed), wanted);
            var isTold = false;
            return await new ScenePipeline(model).RunAsync(scene, parsed.GetRequiredValue(raster), progress.For<SceneProgress>(step =>
            {
                if (!Interlocked.Exchange(ref isTold, true))
                {
                    progress.Announce("channels", scene.Channels, InferVerb.DrawChannels);
                }

                return InferVerb.Describe(step);
            }), token);
        }, InferVerb.Draw, cancellation));
        return verb;
    }

    // The words of the command line.
    private enum PoolKind
    {
        None,
        Mean,
        Cls,
    }

    private enum NumberKind
    {
        Float32,
        Float16,
        Int8,
    }
}
