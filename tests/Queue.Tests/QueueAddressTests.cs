namespace EoOnnx.Queue;

public class QueueAddressTests
{
    private const string Secret = "s3cret";

    [Theory]
    [InlineData("postgres://eo:s3cret@db.example.org:6432/maps", "db.example.org:6432/maps")]
    [InlineData("postgresql://eo:s3cret@db.example.org/maps?SSL%20Mode=Require", "db.example.org:5432/maps")]
    [InlineData("Host=db.example.org;Database=maps;Username=eo;Password=s3cret", "db.example.org:5432/maps")]
    public void An_address_is_a_url_or_a_connection_string_and_its_text_hides_the_password(string text, string shown)
    {
        var address = QueueAddress.Parse(text);
        Assert.Equal(shown, address.ToString());
        Assert.Contains(Secret, address.ConnectionString, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mysql://eo:s3cret@db/maps")]
    [InlineData("postgres://eo:s3cret@db")]
    [InlineData("postgres://eo:s3cret@db:port/maps")]
    [InlineData("postgres://eo:s3cret@db/maps?colour=s3cret")]
    [InlineData("s3cret")]
    public void What_is_not_understood_is_refused_without_repeating_it(string text)
    {
        var failure = Assert.Throws<ArgumentException>(() => QueueAddress.Parse(text));
        Assert.Contains("postgres://user@host", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, $"{failure}", StringComparison.Ordinal);
    }
}
