using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Peft;

/// <summary>A vector over all outputs of a layer, made of vectors over some of its parts.</summary>
internal static class ColumnVector
{
    /// <summary>The parts at their places, <paramref name="otherwise"/> elsewhere.</summary>
    public static Value Join(GraphBuilder op, LinearLayer layer, IEnumerable<(AdapterSite Site, Value Vector)> parts, float otherwise)
    {
        var pieces = new List<Value>();
        var at = 0L;
        foreach (var (site, vector) in parts.OrderBy(part => part.Site.Start))
        {
            Fill(site.Start);
            pieces.Add(vector);
            at = site.Start + site.Length;
        }

        Fill(layer.Out);
        return pieces.Count == 1 ? pieces[0] : op.Concat(0, [.. pieces]);

        void Fill(long end)
        {
            if (end > at)
            {
                pieces.Add(op.Constant(RandomTensors.Constant([end - at], otherwise)));
            }
        }
    }
}
