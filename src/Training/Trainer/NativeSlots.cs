using EoOnnx.Formats;
using EoOnnx.Training.Autodiff;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Training.Trainer;

/// <summary>
/// What a training step takes and gives back, in native memory and twice: a step reads one set and writes the other, then they
/// change places. Until they do, the old values are whole, so a step that failed can be discarded.
/// </summary>
internal sealed class NativeSlots : IDisposable
{
    private readonly Dictionary<string, int> _byInput = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _byOutput = new(StringComparer.Ordinal);
    private readonly OrtValue[] _current;
    private readonly OrtValue[] _next;

    /// <summary>All slots with their initial values.</summary>
    public NativeSlots(IReadOnlyList<TrainingSlot> slots)
    {
        Slots = slots;
        _current = [.. slots.Select(slot => NativeTensor.Copy(slot.Initial))];
        _next = [.. slots.Select(slot => NativeTensor.Allocate(slot.Initial.Type, slot.Initial.Shape.AsSpan()))];
        for (var i = 0; i < slots.Count; i++)
        {
            _byInput.Add(slots[i].Name, i);
            _byOutput.Add(slots[i].Output, i);
        }
    }

    public IReadOnlyList<TrainingSlot> Slots { get; }

    /// <summary>Bytes of both sets.</summary>
    public long Bytes => 2 * Slots.Sum(slot => slot.Initial.ByteLength);

    /// <summary>The value that an input of a graph reads, when it is a slot.</summary>
    public OrtValue? Current(string input) => _byInput.TryGetValue(input, out var index) ? _current[index] : null;

    /// <summary>The value that predictions are made with: the parameter's average when there is one.</summary>
    public OrtValue? Evaluated(string parameter) => Current(TrainingSlot.AverageOf(parameter)) ?? Current(parameter);

    /// <summary>Where an output of a graph writes, when it is a slot.</summary>
    public OrtValue? Next(string output) => _byOutput.TryGetValue(output, out var index) ? _next[index] : null;

    /// <summary>Makes what was written by these outputs current.</summary>
    public void Accept(IEnumerable<string> outputs)
    {
        foreach (var output in outputs)
        {
            if (_byOutput.TryGetValue(output, out var index))
            {
                (_current[index], _next[index]) = (_next[index], _current[index]);
            }
        }
    }

    /// <summary>Sets slots of a kind back to their initial values.</summary>
    public void Reset(TrainingSlotKind kind)
    {
        for (var i = 0; i < Slots.Count; i++)
        {
            if (Slots[i].Kind == kind)
            {
                NativeTensor.Write(Slots[i].Initial, _current[i]);
            }
        }
    }

    /// <summary>Copies of the current values by name.</summary>
    public Dictionary<string, TensorData> Read(Func<TrainingSlot, bool> which) => Slots.Select((slot, i) => (slot, i)).Where(item => which(item.slot))
        .ToDictionary(item => item.slot.Name, item => NativeTensor.Read(_current[item.i]), StringComparer.Ordinal);

    /// <summary>Copies of the values that predictions are made with, by name.</summary>
    public Dictionary<string, TensorData> ReadEvaluated(Func<TrainingSlot, bool> which) =>
        Slots.Where(which).ToDictionary(slot => slot.Name, slot => NativeTensor.Read(Evaluated(slot.Name)!), StringComparer.Ordinal);

    /// <summary>Replaces current values; slots that are not named stay.</summary>
    public void Write(IReadOnlyDictionary<string, TensorData> values)
    {
        foreach (var (name, value) in values)
        {
            NativeTensor.Write(value, _current[_byInput[name]]);
        }
    }

    /// <summary>Replaces parameters and buffers, and averages of parameters with them.</summary>
    public void WriteEvaluated(IReadOnlyDictionary<string, TensorData> values)
    {
        foreach (var (name, value) in values)
        {
            NativeTensor.Write(value, Evaluated(name)!);
        }
    }

    public void Dispose()
    {
        foreach (var value in _current.Concat(_next))
        {
            value.Dispose();
        }
    }
}
