using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Data;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Training.Trainer;

/// <summary>A batch, or a part of one, as ONNX Runtime reads it: inputs and measured values in place, classes widened to 64 bit.</summary>
internal sealed class BatchTensors : IDisposable
{
    private readonly Batch _batch;
    private readonly int _first;
    private readonly int _count;
    private readonly Dictionary<string, OrtValue> _inputs = new(StringComparer.Ordinal);
    private readonly OrtValue _target;

    /// <summary>Borrows a batch.</summary>
    /// <param name="batch">The samples.</param>
    /// <param name="inputs">The model's inputs. A single input of the samples feeds the first of them; several are found by name.</param>
    public BatchTensors(Batch batch, IReadOnlyList<Value> inputs)
        : this(batch, inputs, 0, batch.Count)
    {
    }

    /// <summary>Borrows some samples of a batch.</summary>
    /// <param name="batch">The samples.</param>
    /// <param name="inputs">The model's inputs.</param>
    /// <param name="first">The first sample that is taken.</param>
    /// <param name="count">How many are.</param>
    public BatchTensors(Batch batch, IReadOnlyList<Value> inputs, int first, int count)
    {
        (_batch, _first, _count) = (batch, first, count);
        var memory = OrtMemoryInfo.DefaultInstance;
        foreach (var input in batch.Inputs)
        {
            var value = batch.Inputs.Count == 1 ? inputs[0] : inputs.FirstOrDefault(value => value.Name == input.Layout.Name) ?? throw new TrainingException(
                $"The samples have an input '{input.Layout.Name}'; the model's inputs are {string.Join(", ", inputs.Select(value => value.Name))}. Use those names.");
            var shape = Shape(count, input.Layout, value);
            _inputs.Add(value.Name, input.Layout.Type == ElementType.Int64
                ? OrtValue.CreateTensorValueFromMemory(memory, Part(input.Integers, input.Layout.Length), shape)
                : OrtValue.CreateTensorValueFromMemory(memory, Part(input.Floats, input.Layout.Length), shape));
        }

        long[] targets = [count, .. batch.Target.Shape];
        _target = batch.Target.HasClasses
            ? OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(Part(batch.Classes, batch.Target.Length).ToArray(), label => (long)label), targets)
            : OrtValue.CreateTensorValueFromMemory(memory, Part(batch.Values, batch.Target.Length), targets);
    }

    /// <summary>The tensor for an input of that name, or null.</summary>
    public OrtValue? Find(string name) => _inputs.TryGetValue(name, out var input) ? input : name == TrainingGraph.TargetName ? _target : null;

    /// <summary>Name of the first chip with a value that is not finite, or null.</summary>
    public string? FirstNotFinite()
    {
        foreach (var input in _batch.Inputs.Where(input => !input.Layout.MayBeMissing))
        {
            var values = Part(input.Floats, input.Layout.Length).Span;
            for (var i = 0; i < values.Length; i++)
            {
                if (!float.IsFinite(values[i]))
                {
                    return _batch.Names[_first + (i / input.Layout.Length)];
                }
            }
        }

        return null;
    }

    public void Dispose()
    {
        foreach (var input in _inputs.Values)
        {
            input.Dispose();
        }

        _target.Dispose();
    }

    private Memory<T> Part<T>(Memory<T> values, int length) => values.Slice(_first * length, _count * length);

    // A model with an axis for time takes the frames of an image one after the other along the bands, or a single frame.
    private static long[] Shape(int count, SampleInput layout, Value input) =>
        layout.Shape is [var bands, var rows, var columns] && input.KnownShape is { Rank: 5 } shape
            ? [count, shape[1].Value ?? bands, bands / (shape[1].Value ?? bands), rows, columns]
            : [count, .. layout.Shape];
}
