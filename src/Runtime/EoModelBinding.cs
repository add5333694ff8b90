using EoOnnx.Formats;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Runtime;

/// <summary>
/// A run of a model from and into fixed memory, prepared once and repeated. Used by one thread at a time. Owns its native objects;
/// the memory and the adapter stay the caller's and must outlive it. On a processor and without an adapter a run allocates nothing; else ONNX Runtime's
/// binding to .NET makes arrays of names and handles for each run: a run with an <see cref="OrtIoBinding"/> ignores active adapters, and takes inputs for
/// another device from a copy that is made when they are bound (IOBinding::BindInput), not when it is run.
/// </summary>
internal sealed class EoModelBinding : IDisposable
{
    private readonly InferenceSession _session;
    private readonly Func<string, OnnxRuntimeException, ModelException> _explain;
    private readonly BoundInput[] _bound;
    private readonly OrtValue _output;
    private readonly string[] _inputNames, _outputNames;
    private readonly OrtValue[] _inputs, _outputs;
    private readonly RunOptions _options = new();
    private readonly EoAdapter.Lease? _lease;
    private readonly OrtIoBinding? _memoryBinding;
    private readonly string _shape;

    public EoModelBinding(
        InferenceSession session, OrtMemoryInfo memory, IReadOnlyList<BoundInput> inputs, (string Name, Memory<float> Data, long[] Shape) output,
        EoAdapter? adapter, Device device, Func<string, OnnxRuntimeException, ModelException> explain)
    {
        (_session, _explain, _shape) = (session, explain, string.Join("; ", inputs.Select(input => string.Join(", ", input.Shape))));
        _bound = [.. inputs];
        _output = OrtValue.CreateTensorValueFromMemory(memory, output.Data, output.Shape);
        (_inputNames, _inputs, _outputNames, _outputs) =
            ([.. inputs.Select(input => input.Name)], [.. inputs.Select(input => OrtValue.CreateTensorValueFromMemory(memory, input.Data, input.Shape))], [output.Name], [_output]);
        _lease = adapter?.Activate(_options);
        _memoryBinding = adapter is null && device.Kind == DeviceKind.Cpu ? BindMemory() : null;
    }

    /// <summary>Runs the model once.</summary>
    /// <exception cref="ModelException">ONNX Runtime refuses shapes or values.</exception>
    public void Run(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        foreach (var input in _bound)
        {
            input.Gather();
        }

        using var stop = cancellation.UnsafeRegister(static state => ((RunOptions)state!).Terminate = true, _options);
        try
        {
            if (_memoryBinding is { } bound)
            {
                _session.RunWithBinding(_options, bound);
            }
            else
            {
                _session.Run(_options, _inputNames, _inputs, _outputNames, _outputs);
            }
        }
        catch (OnnxRuntimeException failure)
        {
            cancellation.ThrowIfCancellationRequested();
            throw _explain(_shape, failure);
        }
    }

    public void Dispose()
    {
        _memoryBinding?.Dispose();
        _lease?.Dispose();
        _output.Dispose();
        foreach (var input in _inputs)
        {
            input.Dispose();
        }

        _options.Dispose();
    }

    private OrtIoBinding BindMemory()
    {
        var binding = _session.CreateIoBinding();
        for (var i = 0; i < _inputs.Length; i++)
        {
            binding.BindInput(_inputNames[i], _inputs[i]);
        }

        binding.BindOutput(_outputNames[0], _output);
        return binding;
    }
}
