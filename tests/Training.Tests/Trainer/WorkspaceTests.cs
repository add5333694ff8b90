using EoOnnx.Export;
using EoOnnx.Export.Architectures;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Tests.Trainer;

public class WorkspaceTests
{
    public static TheoryData<string, bool> Cases
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var family in new[] { "test", "vit", "dofa", "prithvi", "swin", "resnet" })
            {
                data.Add(family, true);
                data.Add(family, false);
            }

            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Graphs_that_share_mapped_weights_give_what_each_gives_alone(string family, bool pack)
    {
        var task = TaskModel.Adapt(Encoder(family), new LastBlocksOptions { Blocks = 1 });
        using var workspace = new Workspace(new FitOptions { PackWeights = pack, Threads = 1 });
        using var training = workspace.Open("training", task.TrainingModel);
        using var inference = workspace.Open("inference", task.InferenceModel);
        foreach (var (session, model) in new[] { (training, task.TrainingModel), (inference, task.InferenceModel), (training, task.TrainingModel) })
        {
            var image = model.Graph.Inputs[0];
            var inputs = new[] { (image.Name, RandomTensors.Normal(2, "image", [.. image.KnownShape.Select(extent => extent.Value ?? 2)], 1)) };
            var (alone, shared) = (Ort.Run(model, inputs), Ort.Run(session, inputs));
            Assert.All(alone, output => Assert.InRange(output.Value.ToSingles().Zip(shared[output.Key].ToSingles(), (a, b) => Math.Abs(a - b)).Max() / output.Value.ToSingles().Max(Math.Abs), 0, 1e-5));
        }
    }

    private static OnnxModel Encoder(string family)
    {
        if (family == "test")
        {
            return TestEncoder.Build(tile: 64, patch: 4, width: 192, depth: 2, heads: 4);   // as many tokens as would let a transposed table be taken for another
        }

        var backbone = Backbones.All.Single(item => item.Name == family);
        var options = family == "dofa" ? new BackboneOptions { Tile = 64, Bands = ["B02", "B03", "B04"] } : new BackboneOptions { Tile = 64 };
        return new OnnxModel(backbone.Build(backbone.Random(backbone.Sizes.FirstOrDefault(size => size is "tiny" or "18") ?? backbone.Sizes[0], 3, 3), options).Graph);
    }
}
