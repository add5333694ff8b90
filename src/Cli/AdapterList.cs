using EoOnnx.Runtime;

namespace EoOnnx.Cli;

/// <summary>The adapters that a command line names; disposed together.</summary>
internal sealed class AdapterList : IDisposable
{
    private readonly List<EoAdapter> _adapters = [];

    private AdapterList()
    {
    }

    /// <summary>The adapters, in the order of the command line.</summary>
    public IReadOnlyList<EoAdapter> Adapters => _adapters;

    /// <summary>Loads adapters of a model.</summary>
    /// <exception cref="ModelException">One does not fit; none stays loaded.</exception>
    public static AdapterList Load(EoModel model, IReadOnlyList<string> paths)
    {
        var list = new AdapterList();
        try
        {
            foreach (var path in paths)
            {
                list._adapters.Add(model.LoadAdapter(path));
            }

            return list;
        }
        catch
        {
            list.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _adapters.ForEach(adapter => adapter.Dispose());
}
