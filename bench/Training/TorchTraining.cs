using EoOnnx.Bench.Encoder;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace EoOnnx.Bench.Training;

/// <summary>LoRA on q and v of a frozen ViT-B with a linear head, cross-entropy and AdamW in TorchSharp: sizes, trained tensors and work of the compiled step.</summary>
internal sealed class TorchTraining : nn.Module<Tensor, Tensor>, IPeer
{
    private const int Width = 768, Heads = 12, Patch = 16;

    private readonly (int Bands, int Tile, int Classes) _sizes;
    private readonly Conv2d _patches;
    private readonly Parameter _classToken;
    private readonly Parameter _positions;
    private readonly ModuleList<Block> _blocks = [];
    private readonly ConvTranspose2d _head;
    private readonly optim.Optimizer _optimizer;

    private TorchTraining(int bands, int tile, int depth, int rank, int classes) : base(nameof(TorchTraining))
    {
        _sizes = (bands, tile, classes);
        _patches = nn.Conv2d(bands, Width, Patch, stride: Patch);
        _classToken = nn.Parameter(zeros(1, 1, Width));
        _positions = nn.Parameter(zeros(1, (tile / Patch * (tile / Patch)) + 1, Width));
        _head = nn.ConvTranspose2d(Width, classes, Patch, stride: Patch);
        for (var i = 0; i < depth; i++)
        {
            _blocks.Add(new Block(rank));
        }

        RegisterComponents();
        foreach (var (name, parameter) in named_parameters())
        {
            parameter.requires_grad_(name.Contains("lora", StringComparison.Ordinal) || name.StartsWith("_head", StringComparison.Ordinal));
        }

        _optimizer = optim.AdamW(parameters().Where(parameter => parameter.requires_grad), lr: 1e-3);
    }

    public string Name => $"TorchSharp {typeof(torch).Assembly.GetName().Version}";

    /// <summary>The step on the given number of threads.</summary>
    /// <exception cref="TypeInitializationException">The native library cannot be loaded.</exception>
    public static TorchTraining Create(int threads, int bands, int tile, int depth, int rank, int classes)
    {
        set_num_threads(threads);
        return new TorchTraining(bands, tile, depth, rank, classes);
    }

    public void Run(int batch)
    {
        using var scope = NewDisposeScope();
        var image = rand(batch, _sizes.Bands, _sizes.Tile, _sizes.Tile);
        var target = randint(0, _sizes.Classes, [batch, _sizes.Tile, _sizes.Tile], dtype: ScalarType.Int64);
        _optimizer.zero_grad();
        nn.functional.cross_entropy(forward(image), target).backward();
        _optimizer.step();
    }

    public override Tensor forward(Tensor input)
    {
        var x = _patches.forward(input).flatten(2).transpose(1, 2);
        x = cat([_classToken.expand(x.shape[0], -1, -1), x], 1) + _positions;
        foreach (var block in _blocks)
        {
            x = block.forward(x);
        }

        var grid = _sizes.Tile / Patch;
        return _head.forward(x.narrow(1, 1, x.shape[1] - 1).transpose(1, 2).reshape(x.shape[0], Width, grid, grid));
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _optimizer.Dispose();
        }

        base.Dispose(disposing);
    }

    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        private readonly LayerNorm _norm1 = nn.LayerNorm(Width, eps: 1e-6);
        private readonly LayerNorm _norm2 = nn.LayerNorm(Width, eps: 1e-6);
        private readonly Linear _qkv = nn.Linear(Width, 3 * Width);
        private readonly Linear _projection = nn.Linear(Width, Width);
        private readonly Linear _fc1 = nn.Linear(Width, 4 * Width);
        private readonly Linear _fc2 = nn.Linear(4 * Width, Width);
        private readonly Parameter _lora_qa;
        private readonly Parameter _lora_qb;
        private readonly Parameter _lora_va;
        private readonly Parameter _lora_vb;

        public Block(int rank) : base(nameof(Block))
        {
            (_lora_qa, _lora_va) = (nn.Parameter(randn(rank, Width) * 0.02), nn.Parameter(randn(rank, Width) * 0.02));
            (_lora_qb, _lora_vb) = (nn.Parameter(zeros(Width, rank)), nn.Parameter(zeros(Width, rank)));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var (batch, tokens) = (input.shape[0], input.shape[1]);
            var normalized = _norm1.forward(input);
            var parts = _qkv.forward(normalized).chunk(3, -1);
            var q = parts[0] + normalized.matmul(_lora_qa.t()).matmul(_lora_qb.t());
            var v = parts[2] + normalized.matmul(_lora_va.t()).matmul(_lora_vb.t());
            Tensor Split(Tensor value) => value.reshape(batch, tokens, Heads, Width / Heads).transpose(1, 2);
            var attended = nn.functional.scaled_dot_product_attention(Split(q), Split(parts[1]), Split(v)).transpose(1, 2).reshape(batch, tokens, Width);
            var x = input + _projection.forward(attended);
            return x + _fc2.forward(nn.functional.gelu(_fc1.forward(_norm2.forward(x))));
        }
    }
}
