using EoOnnx.Formats;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Runtime;

/// <summary>Tensors given to a run by name.</summary>
internal static class NamedInputs
{
    /// <summary>What is given, in the model's order, once it is sure that nothing is missing, unknown or of another type.</summary>
    /// <exception cref="ModelException">It is not; the message has the name and what the model takes.</exception>
    public static IReadOnlyList<ModelTensor> Check(EoModel model, IReadOnlyDictionary<string, TensorData> given)
    {
        List<ModelTensor> known = [.. model.Inputs, .. model.OptionalInputs];
        if (model.Inputs.Where(input => !given.ContainsKey(input.Name)).ToList() is { Count: > 0 } missing)
        {
            throw new ModelException($"{model.Path} needs the inputs {string.Join("; ", model.Inputs)}; {string.Join(", ", missing.Select(input => input.Name))} was not given.");
        }

        foreach (var (name, tensor) in given)
        {
            var input = known.Find(input => input.Name == name) ?? throw new ModelException(
                $"{model.Path} has no input '{name}'.{Spelling.DidYouMean(name, known.Select(input => input.Name))} Its inputs are {string.Join("; ", known)}.");
            if (input.Type != tensor.Type)
            {
                throw new ModelException($"Input {input} of {model.Path} holds {input.Type}; {tensor.Type} was given.");
            }
        }

        return [.. known.Where(input => given.ContainsKey(input.Name))];
    }

    /// <summary>A copy that ONNX Runtime can read.</summary>
    public static OrtValue ToOrt(TensorData tensor) => tensor.Type switch
    {
        ElementType.Float => Copy<float>(tensor),
        ElementType.Int64 => Copy<long>(tensor),
        var other => throw new ModelException($"A tensor of {other} was given; inputs of models hold Float or Int64."),
    };

    private static OrtValue Copy<T>(TensorData tensor) where T : unmanaged => OrtValue.CreateTensorValueFromMemory(tensor.AsSpan<T>().ToArray(), [.. tensor.Shape]);
}
