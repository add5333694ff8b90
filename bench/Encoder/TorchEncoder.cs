using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace EoOnnx.Bench.Encoder;

/// <summary>A vision transformer of the same sizes in TorchSharp: patches, class token, pre-norm blocks with exact GELU.</summary>
internal sealed class TorchEncoder : nn.Module<Tensor, Tensor>, IPeer
{
    private readonly int _bands;
    private readonly int _tile;
    private readonly Conv2d _patches;
    private readonly Parameter _classToken;
    private readonly Parameter _positions;
    private readonly ModuleList<Block> _blocks = [];

    private TorchEncoder(int bands, int tile, int patch, int width, int depth, int heads) : base(nameof(TorchEncoder))
    {
        (_bands, _tile) = (bands, tile);
        _patches = nn.Conv2d(bands, width, patch, stride: patch);
        _classToken = nn.Parameter(zeros(1, 1, width));
        _positions = nn.Parameter(zeros(1, (tile / patch * (tile / patch)) + 1, width));
        for (var i = 0; i < depth; i++)
        {
            _blocks.Add(new Block(width, heads));
        }

        RegisterComponents();
    }

    public string Name => $"TorchSharp {typeof(torch).Assembly.GetName().Version}";

    /// <summary>An encoder for inference on the given number of threads.</summary>
    /// <exception cref="TypeInitializationException">The native library cannot be loaded.</exception>
    public static TorchEncoder Create(int threads, int bands, int tile, int patch, int width, int depth, int heads)
    {
        set_num_threads(threads);
        var encoder = new TorchEncoder(bands, tile, patch, width, depth, heads);
        encoder.eval();
        return encoder;
    }

    public void Run(int batch)
    {
        using var noGradient = no_grad();
        using var pixels = rand(batch, _bands, _tile, _tile);
        forward(pixels).Dispose();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = _patches.forward(input).flatten(2).transpose(1, 2);
        x = cat([_classToken.expand(x.shape[0], -1, -1), x], 1) + _positions;
        foreach (var block in _blocks)
        {
            x = block.forward(x);
        }

        return x.MoveToOuterDisposeScope();
    }

    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        private readonly int _heads;
        private readonly LayerNorm _norm1;
        private readonly LayerNorm _norm2;
        private readonly Linear _qkv;
        private readonly Linear _projection;
        private readonly Linear _fc1;
        private readonly Linear _fc2;

        public Block(int width, int heads) : base(nameof(Block))
        {
            _heads = heads;
            (_norm1, _norm2) = (nn.LayerNorm(width, eps: 1e-6), nn.LayerNorm(width, eps: 1e-6));
            (_qkv, _projection) = (nn.Linear(width, 3 * width), nn.Linear(width, width));
            (_fc1, _fc2) = (nn.Linear(width, 4 * width), nn.Linear(4 * width, width));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var (batch, tokens, width) = (input.shape[0], input.shape[1], input.shape[2]);
            var qkv = _qkv.forward(_norm1.forward(input)).reshape(batch, tokens, 3, _heads, width / _heads).permute(2, 0, 3, 1, 4);
            var attended = nn.functional.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2]).transpose(1, 2).reshape(batch, tokens, width);
            var x = input + _projection.forward(attended);
            return x + _fc2.forward(nn.functional.gelu(_fc1.forward(_norm2.forward(x))));
        }
    }
}
