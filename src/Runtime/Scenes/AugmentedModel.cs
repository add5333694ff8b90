using System.Numerics.Tensors;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>Averages the scores of a batch over symmetries of the tile: turns the images, runs the model, turns its scores back.
/// Probabilities are averaged, so the activation is applied here.</summary>
internal sealed class AugmentedModel : IDisposable
{
    private readonly SceneModel _model;
    private readonly ScoreActivation _activation;
    private readonly Symmetry[] _symmetries;
    private readonly ImageBatch _images;
    private readonly ScoreBatch _scores;
    private readonly float[] _turned;
    private readonly Dictionary<int, TileRun> _bindings = [];
    private readonly EoAdapter? _adapter;

    public AugmentedModel(SceneModel model, TestTimeAugmentation augmentation, ScoreActivation activation, EoAdapter? adapter)
    {
        (_model, _activation, _adapter) = (model, activation, adapter);
        _symmetries = augmentation == TestTimeAugmentation.D4 ? Enum.GetValues<Symmetry>() : [.. Symmetries.OfOblong];
        _images = new ImageBatch(0, model.Batch, model.ImageLength, model.Tile);
        _scores = new ScoreBatch(0, model.Batch, model.ScoreLength, model.MapTile);
        _turned = new float[model.ScoreLength];
    }

    public long Bytes => ((long)_images.Images.Length + _scores.Scores.Length + _turned.Length) * sizeof(float);

    /// <summary>Scores <paramref name="count"/> images from <paramref name="first"/> on; the graph computes <paramref name="computed"/>.</summary>
    public void Run(ImageBatch images, ScoreBatch scores, int first, int count, int computed, CancellationToken cancellation)
    {
        images.Places.AsSpan(2 * first, 2 * count).CopyTo(_images.Places);
        foreach (var symmetry in _symmetries)
        {
            for (var i = 0; i < count; i++)
            {
                symmetry.Apply(images.Image(first + i), _images.Image(i), _model.Tile);
            }

            Binding(computed).Run(cancellation);
            for (var i = 0; i < count; i++)
            {
                _activation.Apply(_scores.ScoresOf(i));
                symmetry.Inverse().Apply<float>(_scores.ScoresOf(i), _turned, _model.MapTile);
                if (symmetry == _symmetries[0])
                {
                    _turned.CopyTo(scores.ScoresOf(first + i));
                }
                else
                {
                    TensorPrimitives.Add(scores.ScoresOf(first + i), _turned, scores.ScoresOf(first + i));
                }
            }
        }

        for (var i = 0; i < count; i++)
        {
            TensorPrimitives.Multiply(scores.ScoresOf(first + i), 1f / _symmetries.Length, scores.ScoresOf(first + i));
        }
    }

    public void Dispose()
    {
        foreach (var binding in _bindings.Values)
        {
            binding.Dispose();
        }
    }

    private TileRun Binding(int count)
    {
        if (!_bindings.TryGetValue(count, out var binding))
        {
            binding = _model.Bind(_images, _scores, 0, count, _adapter);
            _bindings.Add(count, binding);
        }

        return binding;
    }
}
