using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Tests;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Losses;

namespace EoOnnx.Training.Tests.Golden;

/// <summary>Values and gradients of every loss against PyTorch, TerraTorch and segmentation_models_pytorch.</summary>
public class LossGoldenTests
{
    private static string Folder => Path.Combine(SharedData.Golden, "training", "losses");

    public static TheoryData<string, string> Cases()
    {
        var cases = new TheoryData<string, string>();
        foreach (var family in Directory.Exists(Folder) ? Directory.EnumerateFiles(Folder, "*.json").Order(StringComparer.Ordinal) : Enumerable.Empty<string>())
        {
            using var json = JsonDocument.Parse(File.ReadAllText(family));
            foreach (var item in json.RootElement.GetProperty("cases").EnumerateObject())
            {
                cases.Add(Path.GetFileNameWithoutExtension(family), item.Name);
            }
        }

        if (cases.Count == 0)
        {
            cases.Add("absent", "absent");
        }

        return cases;
    }

    [Theory, MemberData(nameof(Cases))]
    public void Value_and_gradient_agree_with_the_reference(string family, string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(SharedData.Require(Path.Combine(Folder, $"{family}.json"))));
        var @case = json.RootElement.GetProperty("cases").GetProperty(name);
        var tensors = SafetensorsFile.Open(Path.Combine(Folder, $"{family}.safetensors")).Tensors;
        var what = @case.GetProperty("what").GetString()!;
        var ignores = what.Contains("ignore_index", StringComparison.Ordinal);
        var loss = Make(name, what, ignores ? json.RootElement.GetProperty("ignore_index").GetInt64() : null,
            what.Contains("class_weights", StringComparison.Ordinal) ? Array.ConvertAll(tensors["class_weights"].ToSingles(), weight => (double)weight) : null);
        var prediction = tensors[what.Contains("class_logits", StringComparison.Ordinal) ? "class_logits" : family == "regression" ? "prediction" : "logits"];
        var target = tensors[what.Contains("multilabel_target", StringComparison.Ordinal) ? "multilabel_target"
            : what.Contains("class_target", StringComparison.Ordinal) ? "class_target" : ignores ? "target_ignore" : "target"];

        var op = new GraphBuilder("loss");
        var input = op.Input("prediction", prediction.Type, TensorShape.Of(prediction.Shape.AsSpan()));
        var labels = op.Input("target", loss.TargetType, TensorShape.Of(target.Shape.AsSpan()));
        var value = loss.Build(op, input, labels);
        op.Output(value, "value");
        op.Output(Backpropagation.Run(op, value, [input], null)[0]!, "gradient");
        var outputs = Ort.Run(new OnnxModel(op.Graph), ("prediction", prediction), ("target", loss.TargetType == ElementType.Float ? TensorData.FromValues<float>(target.Shape.AsSpan(), target.ToSingles()) : target));

        Close([(float)@case.GetProperty("value").GetDouble()], outputs["value"].ToSingles(), name);
        Close(tensors[$"grad.{name}"].ToSingles(), outputs["gradient"].ToSingles(), $"gradient of {name}");
    }

    private static Loss Make(string name, string what, long? ignore, double[]? weights)
    {
        if (name.StartsWith("combined", StringComparison.Ordinal))
        {
            // "['ce','dice'], …" or "{'ce':0.7,'dice':0.3}, …"
            var parts = Regex.Matches(what, @"'(?<name>\w+)'(:(?<weight>[\d.]+))?").Select(match => (
                match.Groups["weight"].Success ? double.Parse(match.Groups["weight"].Value, CultureInfo.InvariantCulture) : 1, Make(match.Groups["name"].Value, what[^1..], ignore, weights)));
            return Loss.Combine([.. parts]);
        }

        return Regex.Replace(name.Replace("class_", "", StringComparison.Ordinal), "_(ignore|weights)", "") switch
        {
            "ce" => Loss.CrossEntropy(ignore, weights),
            "dice" => Loss.Dice(ignore),
            "jaccard" => Loss.Jaccard(ignore),
            "focal" => Loss.Focal(ignore),
            "lovasz" => Loss.Lovasz(ignore),
            "bce" => Loss.BinaryCrossEntropy(),
            "balanced_bce" => Loss.BinaryCrossEntropy(balanced: true),
            "mse" => Loss.MeanSquaredError(ignore),
            "mae" => Loss.MeanAbsoluteError(ignore),
            "huber" => Loss.Huber(ignore),
            "rmse" => Loss.RootMeanSquaredError(ignore, asTerraTorch: true),
            "rmse_true" => Loss.RootMeanSquaredError(ignore),
            var other => throw new NotSupportedException(other),
        };
    }

    private static void Close(float[] expected, float[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual[i]) <= 1e-6 + (1e-4 * Math.Abs(expected[i])), $"{what}[{i}]: expected {expected[i]}, found {actual[i]}.");
        }
    }
}
